// Package ptytest gives tests a terminal.
package ptytest

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// Open returns both ends of a new terminal: the screen, on which a person would type and
// read, and the terminal that a program is given.
func Open() (screen, terminal *os.File, err error) {
	screen, err = os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		return nil, nil, err
	}
	defer func() {
		if err != nil {
			_ = screen.Close()
		}
	}()
	if err := unix.IoctlSetPointerInt(int(screen.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		return nil, nil, err
	}
	n, err := unix.IoctlGetUint32(int(screen.Fd()), unix.TIOCGPTN)
	if err != nil {
		return nil, nil, err
	}
	terminal, err = os.OpenFile("/dev/pts/"+strconv.FormatUint(uint64(n), 10), os.O_RDWR|unix.O_NOCTTY, 0)
	return screen, terminal, err
}

// Mute has the terminal show nothing of what is typed.
func Mute(terminal *os.File) error {
	state, err := unix.IoctlGetTermios(int(terminal.Fd()), unix.TCGETS)
	if err != nil {
		return err
	}
	state.Lflag &^= unix.ECHO
	return unix.IoctlSetTermios(int(terminal.Fd()), unix.TCSETS, state)
}

// Resize sets the size of a terminal, by either end.
func Resize(end *os.File, width, height int) error {
	return unix.IoctlSetWinsize(int(end.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Col: uint16(width), Row: uint16(height)}) //nolint:gosec // it is small
}
