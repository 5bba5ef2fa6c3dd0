package cli_test

import (
	"errors"
	"net"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// TestSignalsHaveTheirExitCodes interrupts a command that waits for its store.
func TestSignalsHaveTheirExitCodes(t *testing.T) {
	for signal, want := range map[syscall.Signal]int{syscall.SIGINT: 130, syscall.SIGTERM: 143} {
		silent, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), "checkpoint", "--store", "redis://"+silent.Addr().String(), "get", "k")
		var stderr strings.Builder
		cmd.Stderr = &stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		conn, err := silent.Accept() // it waits for an answer now
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		var exit *exec.ExitError
		if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != want {
			t.Errorf("after %v it ended with %v, want exit code %d", signal, err, want)
		}
		if !strings.HasPrefix(stderr.String(), "checkpoint: interrupted: ") {
			t.Errorf("after %v it said %q", signal, stderr.String())
		}
		conn.Close()
		silent.Close()
	}
}
