//go:build !unix

package sqlitestore

import "os"

// same reports whether p's path names the file that was opened, and the size of the file.
func (p *part) same() (size int64, ok bool) {
	now, err := os.Stat(p.path)
	if err != nil {
		return 0, false
	}
	return now.Size(), os.SameFile(now, p.info)
}
