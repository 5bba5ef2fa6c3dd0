package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/internal/leaktest"
	"github.com/checkpointstore/checkpoint/redisstore"
	"github.com/checkpointstore/checkpoint/sqlitestore"
)

// The test binary also runs as the child processes of the demo. Its arguments are the role
// to play, a folder for its process id, and the task.
func TestMain(m *testing.M) {
	if len(os.Args) == 4 {
		if play, ok := roles[os.Args[1]]; ok {
			if err := beChild(context.Background(), play, os.Args[2], os.Args[3]); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			os.Exit(0)
		}
	}
	// The race detector otherwise waits a second before it lets a child end.
	os.Setenv("GORACE", "atexit_sleep_ms=0")
	os.Exit(leaktest.Check(m).Run())
}

func beChild(ctx context.Context, play role, pids, taskJSON string) error {
	if err := os.WriteFile(filepath.Join(pids, strconv.Itoa(os.Getpid())), nil, 0o600); err != nil {
		return err
	}
	store, err := openStore(ctx, os.Getenv("CHECKPOINT_STORE"))
	if err != nil {
		return err
	}
	defer store.Close()
	return play(ctx, store, taskJSON)
}

func openStore(ctx context.Context, url string) (*checkpoint.Store, error) {
	if strings.HasPrefix(url, "redis://") {
		d, err := redisstore.Open(ctx, url, nil)
		if err != nil {
			return nil, err
		}
		return checkpoint.New(d, nil), nil
	}
	d, err := sqlitestore.Open(ctx, url, nil)
	if err != nil {
		return nil, err
	}
	return checkpoint.New(d, nil), nil
}

const testEvents = 3000

// A testRun is a small run of the demo whose output and processes are kept.
type testRun struct {
	run
	stdout, stderr bytes.Buffer
	pids           string
}

func newTestRun(t *testing.T, role, storeURL string) *testRun {
	t.Helper()
	r := &testRun{pids: t.TempDir()}
	r.run = run{Config: Config{
		Store:   storeURL,
		Open:    openStore,
		Events:  testEvents,
		Dir:     t.TempDir(),
		Command: []string{os.Args[0], role, r.pids},
		Program: "checkpoint",
		Stdout:  &r.stdout,
		Stderr:  &r.stderr,
	}}
	return r
}

func (r *testRun) mustRun(t *testing.T) {
	t.Helper()
	if err := r.run.run(t.Context()); err != nil {
		t.Fatalf("%v\n%s%s", err, &r.stderr, &r.stdout)
	}
}

// processes fails the test if one of the processes is left, and returns how
// many there were.
func (r *testRun) processes(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir(r.pids)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			t.Fatal(err)
		}
		p, err := os.FindProcess(pid)
		if err != nil {
			continue
		}
		if err := p.Signal(syscall.Signal(0)); !errors.Is(err, os.ErrProcessDone) {
			t.Errorf("process %d is left", pid)
		}
	}
	return len(entries)
}

func sqlitePath(t *testing.T) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "checkpoints.db")
}
