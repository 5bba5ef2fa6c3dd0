package storetest_test

import (
	"context"
	"errors"
	"iter"
	"slices"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cell"
	"github.com/checkpointstore/checkpoint/driver"
)

// How long a checkpoint lives.
var ttlFaults = []fault{
	{
		"forgets the TTL",
		[]string{"ttl/told", "ttl/set-by-every-mode", "expiry/get", "expiry/by-every-mode", "touch/expiry-alone"},
		given(func(_ *cell.Cell, w *driver.Write) { w.TTL = 0 }),
	},
	{
		"keeps an old TTL over a write without one",
		[]string{"ttl/none-clears", "expiry/cleared", "touch/zero"},
		expiresAt(func(before time.Time, w driver.Write, after time.Time) time.Time {
			if w.TTL == 0 {
				return before
			}
			return after
		}),
	},
	{
		"rounds a TTL up to whole seconds",
		[]string{"ttl/milliseconds"},
		given(func(_ *cell.Cell, w *driver.Write) { w.TTL = (w.TTL + time.Second - 1).Truncate(time.Second) }),
	},
	{
		"cuts a TTL to whole seconds",
		[]string{"ttl/milliseconds", "expiry/get"},
		given(func(_ *cell.Cell, w *driver.Write) { w.TTL = w.TTL.Truncate(time.Second) }),
	},
	{
		"overflows with a TTL of centuries",
		[]string{"ttl/centuries"},
		given(func(_ *cell.Cell, w *driver.Write) {
			if w.TTL > 100*365*24*time.Hour {
				w.TTL = time.Millisecond
			}
		}),
	},
	{
		"leaves the expiry as it is when the position is equal",
		[]string{"ttl/equal-refreshes"},
		answered(func(before cell.Cell, _ driver.Write, c *cell.Cell, r *driver.Result) {
			if at := before.Checkpoint.ExpiresAt; r.Outcome == driver.Unchanged && !at.IsZero() {
				c.Checkpoint.ExpiresAt = at
			}
		}),
	},
	{
		"never brings an expiry forward",
		[]string{"ttl/set-by-every-mode", "ttl/equal-refreshes", "expiry/by-every-mode", "touch/expiry-alone"},
		expiresAt(func(before time.Time, w driver.Write, after time.Time) time.Time {
			if w.TTL != 0 && before.After(after) {
				return before
			}
			return after
		}),
	},
	{
		"refreshes the expiry with a stale write",
		[]string{"position/stale-changes-nothing"},
		answered(func(_ cell.Cell, w driver.Write, c *cell.Cell, r *driver.Result) {
			if r.Outcome == driver.Stale {
				c.Checkpoint.ExpiresAt = time.Now().UTC().Add(w.TTL)
			}
		}),
	},
	{
		"tells the expiry an hour off",
		[]string{"ttl/told"},
		found(func(r *driver.Record) {
			if !r.ExpiresAt.IsZero() {
				r.ExpiresAt = r.ExpiresAt.Add(time.Hour)
			}
		}),
	},
	{
		"lists expired checkpoints",
		[]string{"expiry/scan"},
		func(f *faulty) {
			ever := f.remembers()
			f.listed(func(pattern string, keys []string) []string {
				for key := range ever {
					if checkpoint.MatchPattern(pattern, key) && !slices.Contains(keys, key) {
						keys = append(keys, key)
					}
				}
				return keys
			})
		},
	},
	{
		"lists the records of expired checkpoints",
		[]string{"expiry/scan-records"},
		func(f *faulty) {
			ever := f.remembers()
			f.scanRecords = func(context.Context, string, int) iter.Seq2[[]driver.Record, error] {
				return func(yield func([]driver.Record, error) bool) {
					for key, mark := range ever {
						if !yield([]driver.Record{{Key: key, Mark: mark}}, nil) {
							return
						}
					}
				}
			}
		},
	},
	{
		"counts every key that Delete is given",
		[]string{"expiry/delete", "delete/missing", "delete/twice-in-one-call"},
		func(f *faulty) {
			f.rule.remove = func(c cell.Cell, now time.Time) (cell.Cell, bool) {
				c, _ = c.Delete(now)
				return c, true
			}
		},
	},
	{
		"brings an expired checkpoint back with Touch",
		[]string{"expiry/touch"},
		givenExpired(func(w driver.Write) bool { return w.Mode == driver.Touch }),
	},
	{
		"compares with an expired checkpoint",
		[]string{"expiry/if-newer"},
		givenExpired(func(w driver.Write) bool { return w.Mode == driver.IfNewer }),
	},
}

// expiresAt has each write set another expiry.
func expiresAt(choose func(before time.Time, w driver.Write, after time.Time) time.Time) func(*faulty) {
	return answered(func(before cell.Cell, w driver.Write, c *cell.Cell, r *driver.Result) {
		if r.Outcome.Landed() {
			c.Checkpoint.ExpiresAt = choose(before.Checkpoint.ExpiresAt, w, c.Checkpoint.ExpiresAt)
		}
	})
}

// givenExpired has such writes see a checkpoint that has expired.
func givenExpired(such func(driver.Write) bool) func(*faulty) {
	return func(f *faulty) {
		f.rule.write = func(c cell.Cell, w driver.Write, now time.Time) (cell.Cell, driver.Result) {
			if such(w) {
				c.Checkpoint.ExpiresAt = time.Time{}
			}
			return c.Write(w, now)
		}
	}
}

// remembers keeps the last mark of each key that had a TTL.
func (f *faulty) remembers() map[string]driver.Mark {
	ever := make(map[string]driver.Mark)
	given(func(_ *cell.Cell, w *driver.Write) {
		if w.TTL != 0 && w.Mode != driver.Touch {
			ever[w.Key] = w.Mark
		}
	})(f)
	return ever
}

var touchFaults = []fault{
	{
		"sets updatedAt with Touch",
		[]string{"touch/expiry-alone"},
		touched(func(_ driver.Write, c *driver.StoredCheckpoint) {
			c.UpdatedAt = time.Now().UTC().Truncate(time.Millisecond)
		}),
	},
	{
		"sets the position with Touch",
		[]string{"touch/expiry-alone"},
		touched(func(w driver.Write, c *driver.StoredCheckpoint) { c.Position = w.Position }),
	},
	{
		"stores the epoch of a Touch",
		[]string{"touch/fence"},
		touched(func(w driver.Write, c *driver.StoredCheckpoint) { c.Epoch = max(c.Epoch, w.Epoch) }),
	},
	{
		"creates a checkpoint with Touch",
		[]string{"touch/missing", "expiry/touch", "fence/failed-write-leaves-it", "batch/one-fails"},
		given(func(c *cell.Cell, w *driver.Write) {
			if w.Mode == driver.Touch && !c.Checkpoint.Exists {
				w.Mode, w.UpdatedAt = driver.Set, time.Now()
			}
		}),
	},
	{
		"takes the Touch of a missing key for done",
		[]string{"touch/missing"},
		answered(func(_ cell.Cell, w driver.Write, _ *cell.Cell, r *driver.Result) {
			if w.Mode == driver.Touch && errors.Is(r.Err, driver.ErrNotFound) {
				*r = driver.Result{Outcome: driver.Unchanged}
			}
		}),
	},
	{
		"does not look at the epoch of a Touch",
		[]string{"touch/fence", "fence/refuses-lower"},
		given(func(_ *cell.Cell, w *driver.Write) {
			if w.Mode == driver.Touch {
				w.Epoch = 0
			}
		}),
	},
	{
		"does nothing for a Touch with a TTL of zero",
		[]string{"touch/zero", "ttl/none-clears", "expiry/cleared"},
		refused(func(c cell.Cell, w driver.Write) (driver.Result, bool) {
			return driver.Result{Outcome: driver.Unchanged}, w.Mode == driver.Touch && w.TTL == 0 && c.Checkpoint.Exists && c.Checkpoint.Err == nil
		}),
	},
}

// touched has a Touch that has worked change more than the expiry.
func touched(change func(w driver.Write, c *driver.StoredCheckpoint)) func(*faulty) {
	return answered(func(_ cell.Cell, w driver.Write, c *cell.Cell, r *driver.Result) {
		if w.Mode == driver.Touch && r.Outcome == driver.Unchanged {
			change(w, &c.Checkpoint)
		}
	})
}
