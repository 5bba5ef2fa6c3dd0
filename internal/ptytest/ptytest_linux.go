// Package ptytest gives tests a terminal.
package ptytest

import (
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"unsafe"
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
	var locked, n int32
	if err := control(screen, syscall.TIOCSPTLCK, &locked); err != nil {
		return nil, nil, err
	}
	if err := control(screen, syscall.TIOCGPTN, &n); err != nil {
		return nil, nil, err
	}
	terminal, err = os.OpenFile("/dev/pts/"+strconv.Itoa(int(n)), os.O_RDWR|syscall.O_NOCTTY, 0)
	return screen, terminal, err
}

// Start starts a program on a terminal of its own, and returns the screen. The program ends
// with the test.
func Start(program *exec.Cmd, width, height int) (screen *os.File, err error) {
	screen, terminal, err := Open()
	if err != nil {
		return nil, err
	}
	defer terminal.Close()
	program.Stdin, program.Stdout, program.Stderr = terminal, terminal, terminal
	program.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Pdeathsig: syscall.SIGKILL}
	if err = Resize(screen, width, height); err == nil {
		err = program.Start()
	}
	if err != nil {
		_ = screen.Close()
		return nil, err
	}
	return screen, nil
}

// Mute has the terminal show nothing of what is typed.
func Mute(terminal *os.File) error {
	var state syscall.Termios
	if err := control(terminal, syscall.TCGETS, &state); err != nil {
		return err
	}
	state.Lflag &^= syscall.ECHO
	return control(terminal, syscall.TCSETS, &state)
}

// Resize sets the size of a terminal, by either end.
func Resize(end *os.File, width, height int) error {
	size := [4]uint16{uint16(height), uint16(width)} //nolint:gosec // it is small
	return control(end, syscall.TIOCSWINSZ, &size)
}

func control[T any](end *os.File, request uintptr, value *T) error {
	if _, _, err := syscall.Syscall(syscall.SYS_IOCTL, end.Fd(), request, uintptr(unsafe.Pointer(value))); err != 0 {
		return err
	}
	return nil
}
