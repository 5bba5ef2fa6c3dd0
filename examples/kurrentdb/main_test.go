package main

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/internal/leaktest"
	"github.com/checkpointstore/checkpoint/sqlitestore"
)

func TestMain(m *testing.M) { os.Exit(leaktest.Check(m).Run()) }

// TestRun runs the program twice: the first run from the start, the second from the
// checkpoint of the first.
func TestRun(t *testing.T) {
	t.Chdir(t.TempDir())
	p := newPeer(t)
	for n, last := range []uint64{2, 4} {
		p.last.Store(last)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- run(ctx, p.url, n == 0, 0) }()
		waitFor(t, last)
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	if sent := p.sent.Load(); sent != 4 {
		t.Errorf("the server sent %d events, want each of the 4 once", sent)
	}
}

// waitFor waits until the checkpoint is at the event n.
func waitFor(t *testing.T, n uint64) {
	t.Helper()
	driver, err := sqlitestore.Open(t.Context(), "checkpoints.db", nil)
	if err != nil {
		t.Fatal(err)
	}
	store := checkpoint.New(driver, nil)
	defer store.Close()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		cp, err := store.Get(t.Context(), key)
		if err == nil && cp.Position.Commit == n {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the checkpoint is %s, %v; want %d", cp.Position, err, n)
		}
	}
}
