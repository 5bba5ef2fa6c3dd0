package intake_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/intake"
	"github.com/checkpointstore/checkpoint/memstore"
)

func overwrite(
	ctx context.Context, store *checkpoint.Store, all []checkpoint.Checkpoint, fence bool, tell map[intake.Event]func(*intake.Item),
) (intake.Report, error) {
	return intakeOf(ctx, intake.Job{
		Items: intake.Checkpoints(all), To: store, Writer: intake.Overwrite{Fence: fence}, Apply: true,
	}, tell)
}

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
		heard := make(map[intake.Event][]string)
		hear := func(e intake.Event) func(*intake.Item) {
			return func(i *intake.Item) {
				heard[e] = append(heard[e], fmt.Sprintf("%s %d->%d %s", i.From.Key, i.To.Fence.Epoch, i.Epoch(), i.To.Lease.Owner))
			}
		}
		r, err := overwrite(ctx, store, old, fence, map[intake.Event]func(*intake.Item){
			intake.Replaced: hear(intake.Replaced), intake.Raised: hear(intake.Raised),
		})
		want, raised := intake.Report{Written: 3, Fenced: 1}, 0
		if fence {
			want, raised = intake.Report{Written: 4, Raised: 4}, 4
		}
		if err != nil || r != want {
			t.Errorf("fence %v: %+v, %v; want %+v", fence, r, err, want)
		}
		if told := heard[intake.Replaced]; len(told) != 4 || told[0] != map[bool]string{false: "leased 1->0 worker-1", true: "leased 1->2 worker-1"}[fence] {
			t.Errorf("fence %v: it tells that it replaces %q", fence, told)
		}
		if told := heard[intake.Raised]; len(told) != raised {
			t.Errorf("fence %v: it tells that it raises %q", fence, told)
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
	if r, err := overwrite(t.Context(), store, []checkpoint.Checkpoint{want}, true, nil); err != nil || r.Written != 1 {
		t.Fatalf("Run: %+v, %v", r, err)
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
