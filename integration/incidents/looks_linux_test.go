package incidents

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/checkpointstore/checkpoint/internal/ptytest"
	"github.com/checkpointstore/checkpoint/internal/servertest"
)

// A look is how somebody looks at all consumers. It goes on until its context ends, and it
// has read all of them once when start returns.
type look struct {
	name  string
	start func(ctx context.Context, b *testing.B, url string) (wait func())
}

var looks = []look{
	{"alone", func(context.Context, *testing.B, string) func() { return func() {} }},
	{"getall", lookByGetAll},
	{"status", lookByStatus},
	{"top", lookByTop},
	{"page", lookByPage},
}

func lookByGetAll(ctx context.Context, b *testing.B, url string) func() {
	b.Helper()
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), envGetAll+"="+url)
	servertest.DieWithParent(cmd)
	return begin(b, cmd, "10001\n")
}

func lookByStatus(ctx context.Context, b *testing.B, url string) func() {
	b.Helper()
	// What starts the command again and again, and reads what it prints, is no work of the
	// neighbour's process.
	cmd := exec.CommandContext(ctx, "sh", "-c", `while "$0" status >"$1" && echo read; do :; done`, program, os.DevNull)
	cmd.Env = append(os.Environ(), "CHECKPOINT_STORE="+url)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	return begin(b, cmd, "read\n")
}

// show runs the command, which must work.
func show(b *testing.B, url string, args ...string) {
	b.Helper()
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), "CHECKPOINT_STORE="+url)
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Errorf("checkpoint %v: %v\n%.1000s", args, err, out)
	}
}

func lookByTop(ctx context.Context, b *testing.B, url string) func() {
	b.Helper()
	cmd := exec.CommandContext(ctx, program, "top")
	cmd.Env = append(os.Environ(), "CHECKPOINT_STORE="+url, "TERM=xterm-256color")
	screen, err := ptytest.Start(cmd, 160, 50)
	if err != nil {
		b.Fatal(err)
	}
	wait := readOn(b, screen, "consumers/")
	return func() {
		_ = cmd.Wait() // it was killed
		wait()
		screen.Close()
	}
}

func lookByPage(ctx context.Context, b *testing.B, url string) func() {
	b.Helper()
	cmd := exec.CommandContext(ctx, program, "serve", "--listen", "127.0.0.1:0")
	cmd.Env = append(os.Environ(), "CHECKPOINT_STORE="+url)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		b.Fatal(err)
	}
	servertest.DieWithParent(cmd)
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	line, err := bufio.NewReader(stderr).ReadString('\n')
	var page string
	if _, scanErr := fmt.Sscanf(line, "checkpoint: the page is at %s", &page); scanErr != nil {
		b.Fatalf("serve says %q, %v", line, err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, page+"events", nil)
	if err != nil {
		b.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request) //nolint:bodyclose // whoever waits closes it
	if err != nil {
		b.Fatal(err)
	}
	wait := readOn(b, answer.Body, "consumers/")
	return func() {
		wait()
		answer.Body.Close()
		_ = cmd.Wait() // it was killed
	}
}

// begin starts a process, and returns when it has printed ready.
func begin(b *testing.B, cmd *exec.Cmd, ready string) func() {
	b.Helper()
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	wait := readOn(b, out, ready)
	return func() {
		wait()
		_ = cmd.Wait() // it was killed
	}
}

// readOn returns when what comes has text in it. It reads on until the end, for which
// wait waits.
func readOn(b *testing.B, from io.Reader, text string) (wait func()) {
	b.Helper()
	var seen strings.Builder
	for buf := make([]byte, 1<<16); !strings.Contains(seen.String(), text); {
		n, err := from.Read(buf)
		seen.Write(buf[:n])
		if err != nil {
			b.Fatalf("%v after %.1000q, want %q", err, seen.String(), text)
		}
	}
	var rest sync.WaitGroup
	rest.Go(func() { _, _ = io.Copy(io.Discard, from) })
	return rest.Wait
}
