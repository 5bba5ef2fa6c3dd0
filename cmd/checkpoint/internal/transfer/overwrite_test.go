package transfer_test

import (
	"errors"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/transfer"
	"github.com/checkpointstore/checkpoint/memstore"
)

// TestOverwriteUnderAConsumer: a consumer that goes on writing is named, and a fence locks
// it out.
func TestOverwriteUnderAConsumer(t *testing.T) {
	ctx := t.Context()
	old := []checkpoint.Checkpoint{
		{Key: "leased", Mark: checkpoint.Mark{Position: checkpoint.Position{Commit: 1}}},
		{Key: "plain", Mark: checkpoint.Mark{Position: checkpoint.Position{Commit: 1}}},
		{Key: "ahead", Mark: checkpoint.Mark{Position: checkpoint.Position{Commit: 1}, Epoch: 3, LogID: "log"}},
		{Key: "new", Mark: checkpoint.Mark{Position: checkpoint.Position{Commit: 1}}},
	}
	for _, fence := range []bool{false, true} {
		store := checkpoint.New(memstore.New(), nil)
		lease, err := store.Acquire(ctx, "leased", "worker-1", time.Hour)
		write := func(key string, n, epoch uint64) error {
			_, err := store.SetIfNewer(ctx, key, checkpoint.Position{Commit: n}, checkpoint.Epoch(epoch))
			return err
		}
		if err := errors.Join(err, write("leased", 7, lease.Epoch), write("plain", 7, 0), write("ahead", 7, 9)); err != nil {
			t.Fatal(err)
		}
		var running []string
		r, err := transfer.ImportAll(ctx, store, old, transfer.ImportOptions{
			Overwrite: true, Fence: fence,
			Running: func(key, owner string) { running = append(running, key+" "+owner) },
		})
		want := transfer.Report{Lines: 4, Written: 3, Fenced: 1, Unfenced: 1}
		if fence {
			want.Written, want.Fenced = 4, 0
		}
		if err != nil || r != want {
			t.Errorf("fence %v: %+v, %v; want %+v", fence, r, err, want)
		}
		if told := len(running) == 1 && running[0] == "leased worker-1"; told == fence {
			t.Errorf("fence %v: it names %q", fence, running)
		}
		if err := write("leased", 8, lease.Epoch); errors.Is(err, checkpoint.ErrFenced) != fence {
			t.Errorf("fence %v: the owner's next write: %v", fence, err)
		}
		if c, err := store.Get(ctx, "ahead"); fence && (err != nil || c.Position.Commit != 1 || c.Epoch != 10 || c.LogID != "log") {
			t.Errorf("ahead is %+v, %v; want what was imported, with a new epoch", c, err)
		}
	}
}

// TestFencedOverwriteKeepsTheLine: an overwrite with a fence stores all that the line has,
// and an epoch above the line's.
func TestFencedOverwriteKeepsTheLine(t *testing.T) {
	store := checkpoint.New(memstore.New(), nil)
	want := checkpoint.Checkpoint{Key: "k", ExpiresAt: time.Now().UTC().Truncate(time.Millisecond).Add(time.Hour)}
	want.Mark = checkpoint.Mark{
		Position: checkpoint.Position{Commit: 1}, UpdatedAt: time.Date(2026, 1, 2, 3, 4, 5, 6_000_000, time.UTC), Epoch: 7, LogID: "log",
	}
	opts := transfer.ImportOptions{Overwrite: true, Fence: true}
	if r, err := transfer.ImportAll(t.Context(), store, []checkpoint.Checkpoint{want}, opts); err != nil || r.Written != 1 {
		t.Fatalf("ImportAll: %+v, %v", r, err)
	}
	got, err := store.Get(t.Context(), "k")
	if off := got.ExpiresAt.Sub(want.ExpiresAt).Abs(); off > time.Minute {
		t.Errorf("it expires at %s, %s off", got.ExpiresAt, off)
	}
	want.Epoch, want.ExpiresAt = 8, got.ExpiresAt
	if err != nil || got != want {
		t.Errorf("it is %+v, %v; want %+v", got, err, want)
	}
}
