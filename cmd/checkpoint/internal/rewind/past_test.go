package rewind_test

import (
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
