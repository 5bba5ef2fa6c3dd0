package intake_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/intake"
	"github.com/checkpointstore/checkpoint/memstore"
)

// TestCutover: nobody with an epoch can write or take the lease at the source again, and
// the owner's last write is at the destination.
func TestCutover(t *testing.T) {
	ctx := t.Context()
	from, to := checkpoint.New(memstore.New(), nil), checkpoint.New(memstore.New(), nil)
	lease, err := from.Acquire(ctx, "leased", "worker-1", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	last := checkpoint.Position{Commit: 5, Prepare: 5}
	for _, key := range []string{"leased", "plain"} {
		var opts []checkpoint.WriteOption
		if key == "leased" {
			opts = append(opts, checkpoint.Epoch(lease.Epoch))
		}
		if err := from.Set(ctx, key, last, opts...); err != nil {
			t.Fatal(err)
		}
	}
	var unfenced []string
	var locked []string
	m := everything(t, from, to)
	m.Cutover = "moved to b"
	m.tell[intake.Unfenced] = func(i *intake.Item) { unfenced = append(unfenced, i.From.Key) }
	m.tell[intake.Locked] = func(i *intake.Item) { locked = append(locked, i.From.Lease.Owner) }
	for round, want := range []intake.Report{{Written: 2, Raised: 1}, {Same: 2}, {Same: 2}} {
		if r, err := m.run(ctx); err != nil || r != want {
			t.Errorf("Run %d = %+v, %v; want %+v", round, r, err, want)
		}
	}
	if want := []string{"worker-1"}; !slices.Equal(locked, want) {
		t.Errorf("it locks out %q, want %q, and once", locked, want)
	}
	if want := []string{"plain", "plain", "plain"}; !slices.Equal(unfenced, want) {
		t.Errorf("without an epoch are %q, want %q", unfenced, want)
	}
	next := checkpoint.Position{Commit: 6, Prepare: 6}
	if _, err := from.SetIfNewer(ctx, "leased", next, checkpoint.Epoch(lease.Epoch)); !errors.Is(err, checkpoint.ErrFenced) {
		t.Errorf("the former owner writes at the source: %v", err)
	}
	var held *checkpoint.LeaseHeldError
	if _, err := from.Acquire(ctx, "leased", "worker-2", time.Hour); !errors.As(err, &held) || held.Owner != m.Cutover {
		t.Errorf("another instance asks for the lease: %v", err)
	}
	if c, err := to.Get(ctx, "leased"); err != nil || c.Position != last {
		t.Errorf("the destination is at %s, %v; want %s", c.Position, err, last)
	}
	if cell, err := from.Inspect(ctx, "plain"); err != nil || cell.Fence.Exists() || cell.Lease.Exists() {
		t.Errorf("the source has %+v, %v, though nothing reads it", cell, err)
	}
	if _, err := to.SetIfNewer(ctx, "leased", next, checkpoint.Epoch(lease.Epoch)); !errors.Is(err, checkpoint.ErrFenced) {
		t.Errorf("the former owner writes at the destination: %v", err)
	}

	// Who runs at the destination goes on if the copy is run again.
	moved, err := to.Acquire(ctx, "leased", "worker-1", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if r, err := m.run(ctx); err != nil || r != (intake.Report{Same: 2}) {
		t.Errorf("the last run = %+v, %v", r, err)
	}
	if _, err := to.SetIfNewer(ctx, "leased", next, checkpoint.Epoch(moved.Epoch)); err != nil {
		t.Errorf("the new owner writes at the destination: %v", err)
	}
}
