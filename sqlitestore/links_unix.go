//go:build unix

package sqlitestore

import (
	"os"
	"syscall"
)

func hasNames(_ string, info os.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && stat.Nlink > 1
}
