//go:build unix

package redisstore

import (
	"syscall"
	"time"
)

// dead reports whether the other side has closed the connection, or has sent what nobody
// asked for.
func (w *rawWire) dead() bool {
	_ = w.SetReadDeadline(time.Time{}) // that of the last command may be over
	raw, err := w.SyscallConn()
	if err != nil {
		return true
	}
	dead := false
	err = raw.Read(func(fd uintptr) bool {
		var b [1]byte
		n, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		dead = n > 0 || err != syscall.EAGAIN && err != syscall.EWOULDBLOCK && err != syscall.EINTR
		return true
	})
	return dead || err != nil
}
