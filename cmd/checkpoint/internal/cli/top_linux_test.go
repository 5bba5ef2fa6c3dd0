package cli_test

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/internal/ptytest"
	"github.com/checkpointstore/checkpoint/sqlitestore"
	"github.com/checkpointstore/checkpoint/subscription"
)

// A screen is a terminal on which a program runs.
type screen struct {
	*testing.T

	*exec.Cmd

	master *os.File
	mu     sync.Mutex
	sent   bytes.Buffer  // by the program, since the last full screen
	read   chan struct{} // closed when the program has ended, and all that it sent is in sent
	width  int
}

func onScreen(t *testing.T, dir string, env []string, args ...string) *screen {
	t.Helper()
	s := &screen{T: t, Cmd: exec.Command("checkpoint", args...), read: make(chan struct{}), width: 100}
	s.Dir, s.Env = dir, append(append(os.Environ(), "TERM=xterm-256color", "GORACE=atexit_sleep_ms=0", "CHECKPOINT_ACTOR=ana@db1"), env...)
	master, err := ptytest.Start(s.Cmd, s.width, 30)
	if err != nil {
		t.Fatal(err)
	}
	s.master = master
	go func() {
		defer close(s.read)
		for buf := make([]byte, 1<<16); ; {
			n, err := master.Read(buf)
			if err != nil {
				return // the program has ended
			}
			s.mu.Lock()
			s.sent.Write(buf[:n])
			s.mu.Unlock()
		}
	}()
	t.Cleanup(func() {
		_ = s.Process.Kill()
		<-s.read
		master.Close()
	})
	return s
}

var escapes = regexp.MustCompile(`\x1b(\[[0-9;?<>=]*\$?[a-zA-Z]|[()].|[=>78])`)

// text is what the program has sent, without the escapes.
func (s *screen) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return escapes.ReplaceAllString(s.sent.String(), "")
}

// see waits until the screen shows all that is wanted. A program sends only what has changed
// since it drew last, so the screen gets another size for each look.
func (s *screen) see(wanted ...string) {
	s.Helper()
	var missing string
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		s.mu.Lock()
		s.sent.Reset()
		s.mu.Unlock()
		s.width = 201 - s.width
		if err := ptytest.Resize(s.master, s.width, 30); err != nil {
			s.Fatal(err)
		}
		time.Sleep(300 * time.Millisecond)
		missing = ""
		for _, want := range wanted {
			if !strings.Contains(s.text(), want) {
				missing = want
			}
		}
		if missing == "" {
			return
		}
	}
	s.Fatalf("the screen does not show %q:\n%s", missing, s.text())
}

func (s *screen) typeKeys(keys string) {
	s.Helper()
	if _, err := s.master.WriteString(keys); err != nil {
		s.Fatal(err)
	}
}

// TestTop watches consumers of a file, finds the one that is stuck, and rewinds the other.
func TestTop(t *testing.T) {
	dir := t.TempDir()
	d, err := sqlitestore.Open(t.Context(), filepath.Join(dir, "checkpoints.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	store := checkpoint.New(d, nil)
	defer store.Close()
	stop, cancel := context.WithCancel(t.Context())
	defer cancel()
	mailer, orders := consumeUntil(stop, store, "mailer"), consumeUntil(stop, store, "orders")

	top := onScreen(t, dir, nil, "top", "--write", "--interval", "500ms", "--stale", "2s")
	top.see("sqlite:checkpoints.db", "1 stuck", "1 running", "mailer: it has not advanced for", "TREND")
	top.typeKeys("\r")
	top.see("mailer is stuck", "mailer@here running since", "last error: mailbox full")
	top.typeKeys("\x1b")
	top.see("KEY")
	top.typeKeys("/orders\r")
	top.see("1 of 2 with orders")
	top.typeKeys("R0\r")
	top.see("effect     redoes", "locks out  orders@here", "Type the key to rewind it:")
	top.typeKeys("orders\r")
	top.see("Reason, for the history:")
	top.typeKeys("INC-7\r")
	top.see("An instance that starts goes on from there.")
	if err := <-orders; !errors.Is(err, checkpoint.ErrFenced) {
		t.Errorf("the consumer that was rewound ended with %v, want ErrFenced", err)
	}
	top.typeKeys("\r")
	top.see("1 rewound", "by ana@db1: INC-7")
	cancel()
	if err := <-mailer; err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	top.typeKeys("q")
	if err := top.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}
	<-top.read
	top.mu.Lock()
	defer top.mu.Unlock()
	if !strings.Contains(top.sent.String(), "\x1b[?1049l") {
		t.Errorf("it has not given the screen back: %q", top.sent.String())
	}
}

// consumeUntil runs a consumer. That of "mailer" is stuck.
func consumeUntil(ctx context.Context, store *checkpoint.Store, key string) <-chan error {
	head := checkpoint.Offset(1 << 20)
	opts := &subscription.Options{
		Missing: subscription.FromStart, FlushAfter: 50 * time.Millisecond, ReportEvery: 200 * time.Millisecond,
		Lease: &subscription.Lease{Owner: key + "@here", TTL: 5 * time.Second},
		Head:  func(context.Context) (checkpoint.Position, error) { return head, nil },
	}
	events := func(ctx context.Context, after checkpoint.Position) iter.Seq2[uint64, error] {
		return func(yield func(uint64, error) bool) {
			for n := after.Commit; ctx.Err() == nil && yield(n, nil); n++ {
				time.Sleep(10 * time.Millisecond)
			}
		}
	}
	ended := make(chan error, 1)
	go func() {
		ended <- subscription.Consume(ctx, store, key, opts, events, subscription.Handler[uint64]{
			Position: checkpoint.Offset,
			Handle: func(_ context.Context, n uint64) error {
				if key == "mailer" && n > 5 {
					return errors.New("mailbox full")
				}
				return nil
			},
			Retry: func(int, error) (time.Duration, bool) { return 100 * time.Millisecond, true },
		})
	}()
	return ended
}

// TestTopWithoutAScreen prints the status again and again: on a dumb terminal, and in a pipe.
func TestTopWithoutAScreen(t *testing.T) {
	dir := t.TempDir()
	if out, err := runIn(dir, "set", "k", "1"); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	dumb := onScreen(t, dir, []string{"TERM=dumb"}, "top", "--interval", "500ms")
	for end := time.Now().Add(time.Minute); strings.Count(dumb.text(), "KEY") < 2; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it shows %q", dumb.text())
		}
	}
	dumb.mu.Lock()
	if sent := dumb.sent.String(); strings.Contains(sent, "\x1b") || !strings.Contains(sent, "\r\n\r\nKEY") {
		t.Errorf("a dumb terminal gets %q", sent)
	}
	dumb.mu.Unlock()
	pipe := start(t, dir, "top", "--interval", "500ms")
	for _, want := range []string{"k\tsilent\t", "", "k\tsilent\t"} {
		if line := next(t, pipe.stdout); !strings.HasPrefix(line, want) || want == "" && line != "" {
			t.Errorf("a pipe gets %q, want %q", line, want)
		}
	}
	for _, r := range []*exec.Cmd{dumb.Cmd, pipe.Cmd} {
		if err := r.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
	}
	logs := onScreen(t, dir, nil, "top", "--log-level", "debug")
	var exit *exec.ExitError
	if err := logs.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 2 {
		t.Errorf("with logs on the screen it ended with %v", err)
	}
	for range pipe.stdout {
	}
	for range pipe.stderr {
	}
	for _, r := range []*exec.Cmd{dumb.Cmd, pipe.Cmd} {
		if err := r.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 130 {
			t.Errorf("after an interrupt it ended with %v", err)
		}
	}
}
