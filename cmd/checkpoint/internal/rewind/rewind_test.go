package rewind_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/rewind"
	"github.com/checkpointstore/checkpoint/memstore"
)

func at(n uint64) checkpoint.Position { return checkpoint.Position{Commit: n, Prepare: n} }

func plan(t *testing.T, store *checkpoint.Store, to rewind.Target) rewind.Step {
	t.Helper()
	steps, err := rewind.Plan(t.Context(), store, "*", to)
	if err != nil || len(steps) != 1 || steps[0].Err != nil {
		t.Fatalf("%+v, %v", steps, err)
	}
	return steps[0]
}

// TestPlanIsOfItsTime: a rewind that was planned before somebody took the lease over, or
// rewound the key, is refused. A consumer that goes on is told by what the rewind replaced.
func TestPlanIsOfItsTime(t *testing.T) {
	store := checkpoint.New(memstore.New(), nil)
	if err := store.Set(t.Context(), "k", at(10), checkpoint.Epoch(1)); err != nil {
		t.Fatal(err)
	}
	step := plan(t, store, rewind.To(at(5)))
	lease, err := store.Acquire(t.Context(), "k", "host-1", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := asPlanned(t.Context(), store, step); !errors.Is(err, checkpoint.ErrFenced) {
		t.Errorf("after a take-over: %v, want ErrFenced", err)
	}

	step = plan(t, store, rewind.To(at(5)))
	if _, err := store.SetIfNewer(t.Context(), "k", at(12), checkpoint.Epoch(lease.Epoch)); err != nil {
		t.Fatal(err)
	}
	c, err := asPlanned(t.Context(), store, step)
	if err != nil {
		t.Fatal(err)
	}
	if old := step.Replaced(t.Context(), store, c.Epoch); old == nil || *old != at(12) {
		t.Errorf("it replaced %v, want %v", old, at(12))
	}
	if _, err := asPlanned(t.Context(), store, step); !errors.Is(err, checkpoint.ErrFenced) {
		t.Errorf("after a rewind: %v, want ErrFenced", err)
	}
}

// TestPlanOfAKeyWithoutAFence is of its time, too: a write has nothing to compare with.
func TestPlanOfAKeyWithoutAFence(t *testing.T) {
	store := checkpoint.New(memstore.New(), nil)
	if err := store.Set(t.Context(), "k", at(100)); err != nil {
		t.Fatal(err)
	}
	shown := plan(t, store, rewind.To(at(50)))
	if _, err := store.Rewind(t.Context(), "k", at(10)); err != nil {
		t.Fatal(err)
	}
	if _, err := asPlanned(t.Context(), store, shown); !errors.Is(err, checkpoint.ErrFenced) {
		t.Errorf("after somebody else's rewind: %v, want ErrFenced", err)
	}
	if c, err := store.Get(t.Context(), "k"); err != nil || c.Position != at(10) {
		t.Errorf("the key is at %v, %v; want %v", c.Position, err, at(10))
	}
}

func asPlanned(ctx context.Context, store *checkpoint.Store, step rewind.Step) (checkpoint.Checkpoint, error) {
	opts, err := step.AsPlanned(ctx, store)
	if err != nil {
		return checkpoint.Checkpoint{}, err
	}
	return store.Rewind(ctx, step.Before.Key, step.Position, opts...)
}

func TestEffect(t *testing.T) {
	for _, test := range []struct {
		from, to checkpoint.Position
		want     string
	}{
		{at(5_000), at(4_000), "redoes 1,000"},
		{at(1_234_567), at(0), "redoes 1,234,567"},
		{at(5), at(6), "SKIPS 1"},
		{at(1<<64 - 1), at(0), "redoes 18,446,744,073,709,551,615"},
		{checkpoint.Position{Commit: 9, Prepare: 8}, at(4), "redoes"},
		{at(9), checkpoint.Position{Commit: 9, Prepare: 8}, "redoes"},
		{at(7), at(7), "stays"},
	} {
		var cell checkpoint.Cell
		cell.Checkpoint.Exists, cell.Checkpoint.Position = true, test.from
		if got := rewind.StepOf(cell, rewind.To(test.to)).Effect(); got != test.want {
			t.Errorf("from %v to %v: %q, want %q", test.from, test.to, got, test.want)
		}
	}
}
