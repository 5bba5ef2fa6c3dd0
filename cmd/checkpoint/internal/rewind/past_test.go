package rewind_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/rewind"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/memstore"
)

// plain hides every ability of a driver.
type plain struct{ driver.Driver }

// TestPast goes back to each time of a day. A consumer writes every minute, is rewound at
// noon, deleted at 13:00 and set again at 14:00.
func TestPast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := memstore.New()
		store := checkpoint.New(d, nil)
		morning := time.Now()
		stood := make(map[time.Duration]uint64)
		consume := func(from, to time.Duration, n uint64) {
			for now := from; now < to; now += time.Minute {
				if _, err := store.SetIfNewer(t.Context(), "k", at(n)); err != nil {
					t.Fatal(err)
				}
				stood[now] = n
				n += 10
				time.Sleep(time.Minute)
			}
		}
		hand := func(err error) {
			if err != nil {
				t.Fatal(err)
			}
		}
		consume(0, 12*time.Hour, 1_000)
		_, err := store.Rewind(t.Context(), "k", at(100))
		hand(err)
		consume(12*time.Hour, 13*time.Hour, 100)
		hand(store.Delete(t.Context(), "k"))
		time.Sleep(time.Hour)
		hand(store.Set(t.Context(), "k", at(9_000)))
		consume(14*time.Hour, 15*time.Hour, 9_000)

		cell, err := store.Inspect(t.Context(), "k")
		hand(err)
		for after, n := range stood {
			if after < 4*time.Minute { // the first sample is the last position of its five minutes
				continue
			}
			step := rewind.StepOf(cell, rewind.At(t.Context(), store, morning.Add(after)))
			if to := step.Position.Commit; step.Err != nil || to > n || to+50 < n {
				t.Errorf("to %v: %v, %v; it stood at %d", after, step.Position, step.Err, n)
			}
		}
		for after, want := range map[time.Duration]string{
			-time.Minute:     "the oldest that is known is C:1040/P:1040 at ",
			13*time.Hour + 1: "it had no checkpoint at ",
			14*time.Hour - 1: "the delete of ",
		} {
			step := rewind.StepOf(cell, rewind.At(t.Context(), store, morning.Add(after)))
			if step.Err == nil || !strings.Contains(step.Err.Error(), want) {
				t.Errorf("to %v: %v, %v; want %q", after, step.Position, step.Err, want)
			}
		}

		_, err = store.Rewind(t.Context(), "k", at(50))
		hand(err)
		cell, err = store.Inspect(t.Context(), "k")
		hand(err)
		step := rewind.StepOf(cell, rewind.At(t.Context(), store, morning.Add(14*time.Hour)))
		if step.Err == nil || !strings.Contains(step.Err.Error(), "would skip events") {
			t.Errorf("forward: %v, %v", step.Position, step.Err)
		}

		bare := checkpoint.New(plain{d}, nil)
		step = rewind.StepOf(cell, rewind.At(t.Context(), bare, time.Now()))
		if step.Err != nil || step.Position != at(50) {
			t.Errorf("without samples and entries: %v, %v", step.Position, step.Err)
		}
		if err := store.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := rewind.Plan(t.Context(), store, "*", rewind.At(t.Context(), store, time.Now())); !errors.Is(err, checkpoint.ErrClosed) {
			t.Errorf("a store that fails: %v", err)
		}
	})
}

// TestPastOfAnImport: the time of an imported line is not when the key went there. It was at 100
// until the import, also if its consumer has gone on since.
func TestPastOfAnImport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := checkpoint.New(memstore.New(), nil)
		do := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		goesTo := func(when time.Time, want uint64) {
			t.Helper()
			cell, err := store.Inspect(t.Context(), "k")
			do(err)
			if step := rewind.StepOf(cell, rewind.At(t.Context(), store, when)); step.Err != nil || step.Position != at(want) {
				t.Errorf("to %s: %v, %v; want %v", when, step.Position, step.Err, at(want))
			}
		}
		do(store.Set(t.Context(), "k", at(100)))
		time.Sleep(2 * time.Minute)
		line := time.Now()
		time.Sleep(2 * time.Minute)
		between := time.Now()
		time.Sleep(2 * time.Minute)
		do(store.Set(driver.WithBy(t.Context(), driver.By{Op: "import"}), "k", at(9_000), checkpoint.UpdatedAt(line)))
		goesTo(between, 100)
		goesTo(time.Now(), 9_000)

		time.Sleep(10 * time.Minute)
		_, err := store.SetIfNewer(t.Context(), "k", at(9_010)) // leaves a sample of the time of the line
		do(err)
		goesTo(between, 100)

		// A fence or a take-over tells where the key stands, and does not bring it there.
		written := time.Now()
		time.Sleep(time.Minute)
		_, err = store.Fence(t.Context(), "k", 0)
		do(err)
		goesTo(written, 9_010)

		// A key that is new with the import has no other past.
		do(store.Set(t.Context(), "new", at(5), checkpoint.UpdatedAt(line)))
		cell, err := store.Inspect(t.Context(), "new")
		do(err)
		if step := rewind.StepOf(cell, rewind.At(t.Context(), store, between)); step.Err != nil || !step.Stays() {
			t.Errorf("a new key: %v, %v", step.Position, step.Err)
		}
	})
}

// torn is a store in which the history of a key is damaged.
type torn struct {
	*memstore.Driver

	key string
}

func (d torn) History(ctx context.Context, key string, n int) ([]driver.AuditEntry, error) {
	if key == d.key {
		return nil, driver.DamagedHistory("an entry of %q", key)
	}
	return d.Driver.History(ctx, key, n)
}

// TestPlanBesideADamagedHistory: the key stays, and the others are planned.
func TestPlanBesideADamagedHistory(t *testing.T) {
	store := checkpoint.New(torn{memstore.New(), "b"}, nil)
	for _, key := range []string{"a", "b", "c"} {
		if err := store.Set(t.Context(), key, at(5)); err != nil {
			t.Fatal(err)
		}
	}
	steps, err := rewind.Plan(t.Context(), store, "*", rewind.At(t.Context(), store, time.Now()))
	if err != nil || len(steps) != 3 || steps[0].Err != nil || !errors.Is(steps[1].Err, checkpoint.ErrCorruptHistory) || steps[2].Err != nil {
		t.Errorf("Plan = %+v, %v", steps, err)
	}
}
