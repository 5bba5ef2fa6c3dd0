package cli_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"

	"github.com/checkpointstore/checkpoint/internal/ptytest"
)

// At a script's terminal, `terminal PROGRAM ARG...` runs a program whose stdin and stderr
// are a terminal. A person there types what the script's stdin holds.
func init() {
	programs["terminal"] = func() {
		code, err := atTerminal(exec.Command(os.Args[1], os.Args[2:]...))
		if err != nil {
			fmt.Fprintln(os.Stderr, "terminal:", err)
			os.Exit(100)
		}
		os.Exit(code)
	}
}

const endOfInput = "\x04"

func atTerminal(program *exec.Cmd) (code int, err error) {
	screen, terminal, err := ptytest.Open()
	if err != nil {
		return 0, err
	}
	defer screen.Close()
	if err := ptytest.Mute(terminal); err != nil { // what is typed ahead would stand anywhere
		return 0, err
	}
	program.Stdin, program.Stdout, program.Stderr = terminal, os.Stdout, terminal
	if err := program.Start(); err != nil {
		return 0, err
	}
	if err := terminal.Close(); err != nil {
		return 0, err
	}
	typed, err := io.ReadAll(os.Stdin)
	if err != nil {
		return 0, err
	}
	if _, err := screen.Write(append(typed, endOfInput...)); err != nil {
		return 0, err
	}
	shown, _ := io.ReadAll(screen) // the last read fails: nobody has the terminal open any more
	if _, err := os.Stderr.Write(bytes.ReplaceAll(shown, []byte("\r\n"), []byte("\n"))); err != nil {
		return 0, err
	}
	err = program.Wait()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return exit.ExitCode(), nil
	}
	return 0, err
}
