package rewind_test

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"testing"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/rewind"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/internal/redistest"
	"github.com/checkpointstore/checkpoint/redisstore"
	"github.com/checkpointstore/checkpoint/sqlitestore"
)

// TestTwoScreens: two people rewind a key and undo what was done, a hundred times at the same
// time. Each change finds what its screen has shown, and leaves one audit entry.
func TestTwoScreens(t *testing.T) {
	for name, open := range map[string]func(*testing.T) func() (driver.Driver, error){
		"sqlite": func(t *testing.T) func() (driver.Driver, error) {
			t.Helper()
			path := filepath.Join(t.TempDir(), "checkpoints.db")
			return func() (driver.Driver, error) { return sqlitestore.Open(t.Context(), path, nil) }
		},
		"redis": func(t *testing.T) func() (driver.Driver, error) {
			t.Helper()
			url := redistest.Start(t).URL()
			return func() (driver.Driver, error) { return redisstore.Open(t.Context(), url, nil) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			open := open(t)
			var screens [2]*checkpoint.Store
			for i := range screens {
				d, err := open()
				if err != nil {
					t.Fatal(err)
				}
				screens[i] = checkpoint.New(d, nil)
				t.Cleanup(func() { screens[i].Close() })
			}
			if err := screens[0].Set(t.Context(), "k", at(1_000), checkpoint.Epoch(1)); err != nil {
				t.Fatal(err)
			}
			var made [2]int
			var people sync.WaitGroup
			for i, store := range screens {
				people.Go(func() {
					for round := range 50 {
						ok, err := change(t.Context(), store, round%2 == 1)
						if err != nil {
							t.Error(err)
						}
						if ok {
							made[i]++
						}
					}
				})
			}
			people.Wait()
			chained(t, screens[0], made[0]+made[1])
		})
	}
}

// change rewinds the key by 10, or undoes the latest change. It returns false if somebody else
// was faster.
func change(ctx context.Context, store *checkpoint.Store, undo bool) (bool, error) {
	cell, err := store.Inspect(ctx, "k")
	if err != nil {
		return false, err
	}
	target := rewind.Back(10)
	if undo {
		entries, err := store.History(ctx, "k", driver.AuditEntries)
		if err != nil {
			return false, err
		}
		u, err := rewind.UndoOf(entries, 0)
		if err != nil {
			return false, err
		}
		target = rewind.To(u.To)
	}
	step := rewind.StepOf(cell, target)
	if step.Err != nil {
		return false, step.Err
	}
	c, err := asPlanned(ctx, store, step)
	if errors.Is(err, checkpoint.ErrFenced) {
		return false, nil
	}
	if old := step.Replaced(ctx, store, c.Epoch); err == nil && old != nil && *old != cell.Checkpoint.Position {
		err = errors.New("it has replaced another position than it has shown")
	}
	return true, err
}

// chained checks that the first entry is followed by n others, each of which begins where the
// one before it has ended.
func chained(t *testing.T, store *checkpoint.Store, n int) {
	t.Helper()
	entries, err := store.History(t.Context(), "k", driver.AuditEntries)
	if err != nil || len(entries) != 1+n || n == 0 {
		t.Fatalf("%d changes left %d entries, %v", n, len(entries)-1, err)
	}
	for i, e := range entries[:n] {
		if before := entries[i+1]; e.Old == nil || before.New == nil || *e.Old != *before.New || e.OldEpoch != before.NewEpoch {
			t.Errorf("after %+v comes %+v", before, e)
		}
	}
	if c, err := store.Get(t.Context(), "k"); err != nil || c.Position != *entries[0].New {
		t.Errorf("it is at %v, and the last entry says %v, %v", c.Position, entries[0].New, err)
	}
}
