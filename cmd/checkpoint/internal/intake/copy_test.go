package intake_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/intake"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/transfer"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/memstore"
)

func at(n uint64) checkpoint.Position { return checkpoint.Position{Commit: n, Prepare: n} }

// A copying copies one store to another.
type copying struct {
	intake.Source

	to   *checkpoint.Store
	dry  bool
	tell map[intake.Event]func(*intake.Item)
}

// everything copies all keys, and takes any damage for a fault.
func everything(t *testing.T, from, to *checkpoint.Store) *copying {
	t.Helper()
	return &copying{
		Source: intake.Source{Store: from, Pattern: "*"}, to: to,
		tell: map[intake.Event]func(*intake.Item){
			intake.Ahead:   func(i *intake.Item) { t.Errorf("%s is ahead", i.From.Key) },
			intake.Damaged: func(i *intake.Item) { t.Errorf("%s: %v", i.From.Key, i.Err) },
		},
	}
}

func (c *copying) run(ctx context.Context) (intake.Report, error) {
	ctx = driver.WithBy(ctx, driver.By{Actor: "ana@db1", Op: "copy"})
	return intakeOf(ctx, intake.Job{Items: c.Items(ctx), Before: c.Before, To: c.to, Writer: intake.Newer{}, Apply: !c.dry}, c.tell)
}

// intakeOf runs a job that tells those who want to hear.
func intakeOf(ctx context.Context, j intake.Job, tell map[intake.Event]func(*intake.Item)) (intake.Report, error) {
	j.Tell = func(e intake.Event, i *intake.Item) {
		if hear := tell[e]; hear != nil {
			hear(i)
		}
	}
	return j.Run(ctx)
}

func must[T any](t *testing.T) func(T, error) T {
	t.Helper()
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

// TestFencesComeAlong: whoever is locked out at the source is locked out at the destination,
// with or without a checkpoint, by a fence, a lease or a write.
func TestFencesComeAlong(t *testing.T) {
	ctx := t.Context()
	from, to := checkpoint.New(memstore.New(), nil), checkpoint.New(memstore.New(), nil)
	set := func(key string, opts ...checkpoint.WriteOption) {
		if err := from.Set(ctx, key, at(5), opts...); err != nil {
			t.Fatal(err)
		}
	}
	set("written", checkpoint.Epoch(7))
	set("fenced", checkpoint.Epoch(3))
	must[uint64](t)(from.Fence(ctx, "fenced", 9))
	set("unfenced")
	must[checkpoint.Lease](t)(from.Acquire(ctx, "leased", "worker-1", time.Hour))
	set("gone", checkpoint.Epoch(4))
	if err := from.Delete(ctx, "gone"); err != nil {
		t.Fatal(err)
	}
	c := everything(t, from, to)
	c.dry = true
	if r, err := c.run(ctx); err != nil || r != (intake.Report{Written: 3, Raised: 4}) {
		t.Errorf("a dry run = %+v, %v", r, err)
	}
	for cell := range to.InspectAll(ctx, "*") {
		t.Errorf("a dry run has stored %+v", cell)
	}
	c.dry = false
	for _, want := range []intake.Report{{Written: 3, Raised: 4}, {Same: 3}} {
		if r, err := c.run(ctx); err != nil || r != want {
			t.Errorf("Run = %+v, %v; want %+v", r, err, want)
		}
	}
	for key, want := range map[string]uint64{"written": 7, "fenced": 9, "unfenced": 0, "leased": 1, "gone": 4} {
		cell := must[checkpoint.Cell](t)(to.Inspect(ctx, key))
		if cell.Fence.Epoch != want || cell.Lease.Exists() {
			t.Errorf("%s has %+v, want the fence %d", key, cell, want)
		}
	}
	entries := must[[]checkpoint.AuditEntry](t)(to.History(ctx, "fenced", 9))
	if len(entries) != 4 || entries[0].Op != "copy" || entries[1].Op != "copy" || entries[1].Actor != "ana@db1" {
		t.Errorf("it left %+v", entries)
	}
}

// TestSourceThatWasRewound: a copy never goes back, but says that the source has.
func TestSourceThatWasRewound(t *testing.T) {
	ctx := t.Context()
	from, to := checkpoint.New(memstore.New(), nil), checkpoint.New(memstore.New(), nil)
	if err := from.Set(ctx, "k", at(100)); err != nil {
		t.Fatal(err)
	}
	c := everything(t, from, to)
	must[intake.Report](t)(c.run(ctx))
	must[checkpoint.Checkpoint](t)(from.Rewind(ctx, "k", at(50)))
	var ahead []string
	c.tell[intake.Ahead] = func(i *intake.Item) {
		ahead = append(ahead, fmt.Sprint(i.From.Key, i.To.Checkpoint.Position, i.From.Checkpoint.Position))
	}
	if r, err := c.run(ctx); err != nil || r != (intake.Report{Newer: 1, Raised: 1}) {
		t.Errorf("Run = %+v, %v", r, err)
	}
	if want := []string{"kC:100/P:100 C:50/P:50"}; !slices.Equal(ahead, want) {
		t.Errorf("it tells of %q, want %q", ahead, want)
	}
}

// TestLargestEpoch: a copy of the largest epoch would lock the key for ever.
func TestLargestEpoch(t *testing.T) {
	ctx := t.Context()
	from, to := checkpoint.New(memstore.New(), nil), checkpoint.New(memstore.New(), nil)
	if err := from.Set(ctx, "k", at(1), checkpoint.Epoch(math.MaxUint64)); err != nil {
		t.Fatal(err)
	}
	c := everything(t, from, to)
	c.tell[intake.Damaged] = nil
	if r, err := c.run(ctx); err != nil || r != (intake.Report{Damaged: 1}) {
		t.Errorf("Run = %+v, %v", r, err)
	}
	if _, err := to.Get(ctx, "k"); !errors.Is(err, checkpoint.ErrNotFound) {
		t.Errorf("it is there: %v", err)
	}
}

// dropping takes writes and loses them.
type dropping struct{ driver.Driver }

func (dropping) Write(_ context.Context, batch []driver.Write) ([]driver.Result, error) {
	return slices.Repeat([]driver.Result{{Outcome: driver.Advanced}}, len(batch)), nil
}

// TestWritesAreReadBack: a store that loses what it has acknowledged is an error, whatever the
// source is.
func TestWritesAreReadBack(t *testing.T) {
	from := checkpoint.New(memstore.New(), nil)
	if err := from.Set(t.Context(), "k", at(1)); err != nil {
		t.Fatal(err)
	}
	line := transfer.Encode(checkpoint.Checkpoint{Key: "k"})
	for name, j := range map[string]intake.Job{
		"another store": {Items: intake.Source{Store: from, Pattern: "*"}.Items(t.Context()), Writer: intake.Newer{}},
		"lines":         {Items: intake.Lines(t.Context(), bytes.NewReader(line), 1), Writer: intake.Newer{}},
		"overwrite":     {Items: intake.Checkpoints([]checkpoint.Checkpoint{{Key: "k"}}), Writer: intake.Overwrite{}},
		"fence":         {Items: intake.Checkpoints([]checkpoint.Checkpoint{{Key: "k"}}), Writer: intake.Overwrite{Fence: true}},
	} {
		j.To, j.Apply = checkpoint.New(dropping{memstore.New()}, nil), true
		r, err := intakeOf(t.Context(), j, nil)
		if err == nil || !strings.Contains(err.Error(), `"k" was written at C:`) {
			t.Errorf("%s: Run = %+v, %v", name, r, err)
		}
	}
}

// TestWhileConsumersWrite copies again and again while the consumers of the same keys write at
// the destination. No checkpoint may fall behind the position that its consumer was told is
// stored.
func TestWhileConsumersWrite(t *testing.T) {
	const keys, writes = 8, 400
	from, to := checkpoint.New(memstore.New(), nil), checkpoint.New(memstore.New(), nil)
	for i := range keys {
		if err := from.Set(t.Context(), fmt.Sprint("k", i), at(5)); err != nil {
			t.Fatal(err)
		}
	}
	c := everything(t, from, to)
	consumers, stop := context.WithCancel(t.Context())
	var copies, all sync.WaitGroup
	copies.Go(func() {
		for consumers.Err() == nil {
			if _, err := c.run(t.Context()); err != nil {
				t.Error(err)
				return
			}
		}
	})
	for i := range keys {
		all.Go(func() {
			key := fmt.Sprint("k", i)
			for n := uint64(2); n < writes; n++ {
				ok, err := to.SetIfNewer(t.Context(), key, at(n))
				stored, getErr := to.Get(t.Context(), key)
				if err != nil || getErr != nil || stored.Position.Compare(at(n)) < 0 {
					t.Errorf("%s is at %s (%v, %v) after SetIfNewer(%d) returned %v", key, stored.Position, err, getErr, n, ok)
					return
				}
			}
		})
	}
	all.Wait()
	stop()
	copies.Wait()
}

// unfenceable is a store that raises no fence but by a write.
type unfenceable struct{ *memstore.Driver }

func (unfenceable) RaiseFence(context.Context, string, uint64) (uint64, error) {
	return 0, errAway
}

// TestRaisedCountsFencesThatAreRaised: what is still to be done does not count, nor a fence
// twice.
func TestRaisedCountsFencesThatAreRaised(t *testing.T) {
	mem := memstore.New()
	lines := func(epochs ...uint64) (all []checkpoint.Checkpoint) {
		for n, epoch := range epochs {
			all = append(all, checkpoint.Checkpoint{Key: "k", Mark: checkpoint.Mark{Position: at(uint64(n)), Epoch: epoch}}) //nolint:gosec // an index
		}
		return append(all, checkpoint.Checkpoint{Key: "stays", Mark: checkpoint.Mark{Position: at(5), Epoch: 7}})
	}
	if err := checkpoint.New(mem, nil).Set(t.Context(), "stays", at(5)); err != nil {
		t.Fatal(err)
	}
	told := 0
	job := intake.Job{Items: intake.Checkpoints(lines(3, 3, 4)), To: checkpoint.New(unfenceable{mem}, nil), Writer: intake.Newer{}, Apply: true}
	r, err := intakeOf(t.Context(), job, map[intake.Event]func(*intake.Item){intake.Raised: func(*intake.Item) { told++ }})
	if !errors.Is(err, errAway) || r.Raised != 2 || told != 2 {
		t.Errorf("Run = %+v, %v, and tells of %d fences; want those of k at 3 and 4", r, err, told)
	}
}
