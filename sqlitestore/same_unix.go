//go:build unix

package sqlitestore

import "syscall"

// same reports whether p's path names the file that was opened, and the size of the file. It
// asks the system as os.Stat does, in less time. If it says no, os.Stat says why.
func (p *part) same() (size int64, ok bool) {
	was, ok := p.info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	var now syscall.Stat_t
	if syscall.Stat(p.path, &now) != nil {
		return 0, false
	}
	return now.Size, now.Dev == was.Dev && now.Ino == was.Ino
}
