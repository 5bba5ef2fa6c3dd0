package cli_test

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint/internal/servertest"
)

// A running is a command that runs until it is interrupted.
type running struct {
	*exec.Cmd

	stdout, stderr <-chan string // its lines
}

func start(t *testing.T, dir string, args ...string) running {
	t.Helper()
	r := running{Cmd: exec.Command("checkpoint", args...)}
	r.Dir, r.Env = dir, append(os.Environ(), "GORACE=atexit_sleep_ms=0")
	lines := func(pipe io.Reader, err error) <-chan string {
		if err != nil {
			t.Fatal(err)
		}
		out := make(chan string, 1000)
		go func() {
			defer close(out)
			for s := bufio.NewScanner(pipe); s.Scan(); {
				out <- s.Text()
			}
		}()
		return out
	}
	r.stdout, r.stderr = lines(r.StdoutPipe()), lines(r.StderrPipe())
	servertest.DieWithParent(r.Cmd)
	if err := r.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Process.Kill() })
	return r
}

func next(t *testing.T, lines <-chan string) string {
	t.Helper()
	select {
	case line, ok := <-lines:
		if !ok {
			t.Fatal("it has ended")
		}
		return line
	case <-time.After(time.Minute):
		t.Fatal("it prints nothing more")
	}
	panic("unreachable")
}

// TestStatusWatches prints one block below the other, until it is interrupted. A read that
// fails does not end it.
func TestStatusWatches(t *testing.T) {
	dir := t.TempDir()
	if out, err := runIn(dir, "set", "k", "1"); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	status := start(t, dir, "status", "--watch", "--interval", "500ms")
	for range 2 {
		if line := next(t, status.stdout); !strings.HasPrefix(line, "k\tsilent\tC:1/P:1\t") {
			t.Fatalf("it printed %q", line)
		}
		if line := next(t, status.stdout); line != "" {
			t.Fatalf("it printed %q between two blocks", line)
		}
	}
	file, away := filepath.Join(dir, "checkpoints.db"), filepath.Join(dir, "away.db")
	rename(t, file, away)
	if line := next(t, status.stderr); !strings.HasPrefix(line, "checkpoint: ") {
		t.Errorf("it said %q", line)
	}
	rename(t, away, file)
	for len(status.stdout) > 0 {
		<-status.stdout
	}
	if next(t, status.stdout) == "" {
		next(t, status.stdout)
	}
	if err := status.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	for range status.stdout {
	}
	for range status.stderr {
	}
	var exit *exec.ExitError
	if err := status.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 128+int(syscall.SIGINT) {
		t.Errorf("it ended with %v", err)
	}
}

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

func runIn(dir string, args ...string) (string, error) {
	cmd := exec.Command("checkpoint", args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	return string(out), err
}
