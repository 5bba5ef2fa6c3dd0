package storetest_test

import (
	"context"
	"errors"
	"iter"
	"slices"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
)

var ttlFaults = []fault{
	{
		"forgets the TTL",
		[]string{"ttl/told", "ttl/set-by-every-mode", "expiry/get", "expiry/by-every-mode", "touch/expiry-alone"},
		func(f *faulty) { f.given(func(w *driver.Write) { w.TTL = 0 }) },
	},
	{
		"keeps an old TTL over a write without one",
		[]string{"ttl/none-clears", "expiry/cleared", "touch/zero"},
		func(f *faulty) {
			f.given(func(w *driver.Write) {
				if stored := f.stored(w.Key); w.TTL == 0 && !stored.ExpiresAt.IsZero() {
					w.TTL = left(stored)
				}
			})
		},
	},
	{
		"rounds a TTL up to whole seconds",
		[]string{"ttl/milliseconds"},
		func(f *faulty) {
			f.given(func(w *driver.Write) { w.TTL = (w.TTL + time.Second - 1).Truncate(time.Second) })
		},
	},
	{
		"cuts a TTL to whole seconds",
		[]string{"ttl/milliseconds", "expiry/get"},
		func(f *faulty) { f.given(func(w *driver.Write) { w.TTL = w.TTL.Truncate(time.Second) }) },
	},
	{
		"overflows with a TTL of centuries",
		[]string{"ttl/centuries"},
		func(f *faulty) {
			f.given(func(w *driver.Write) {
				if w.TTL > 100*365*24*time.Hour {
					w.TTL = time.Millisecond
				}
			})
		},
	},
	{
		"leaves the expiry as it is when the position is equal",
		[]string{"ttl/equal-refreshes"},
		func(f *faulty) {
			f.given(func(w *driver.Write) {
				stored := f.stored(w.Key)
				if w.Mode == driver.IfNewer && stored.Err == nil && stored.Position == w.Position && !stored.ExpiresAt.IsZero() {
					w.TTL = left(stored)
				}
			})
		},
	},
	{
		"never brings an expiry forward",
		[]string{"ttl/set-by-every-mode", "ttl/equal-refreshes", "expiry/by-every-mode", "touch/expiry-alone"},
		func(f *faulty) {
			f.given(func(w *driver.Write) {
				if stored := f.stored(w.Key); w.TTL != 0 && !stored.ExpiresAt.IsZero() {
					w.TTL = max(w.TTL, left(stored))
				}
			})
		},
	},
	{
		"refreshes the expiry with a stale write",
		[]string{"position/stale-changes-nothing"},
		func(f *faulty) {
			f.eachWrite(func(w driver.Write, apply step) driver.Result {
				r := apply(w)
				if r.Outcome == driver.Stale {
					apply(driver.Write{Key: w.Key, Mode: driver.Touch, TTL: w.TTL})
				}
				return r
			})
		},
	},
	{
		"tells the expiry an hour off",
		[]string{"ttl/told"},
		func(f *faulty) {
			f.found(func(r *driver.Record) {
				if !r.ExpiresAt.IsZero() {
					r.ExpiresAt = r.ExpiresAt.Add(time.Hour)
				}
			})
		},
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
					for key, w := range ever {
						if !yield([]driver.Record{{Key: key, Mark: driver.Mark{Position: w.Position, UpdatedAt: w.UpdatedAt}}}, nil) {
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
			before := f.remove
			f.remove = func(ctx context.Context, keys []string) (int, error) {
				_, err := before(ctx, keys)
				if err != nil {
					return 0, err
				}
				return len(keys), nil
			}
		},
	},
	{
		"brings an expired checkpoint back with Touch",
		[]string{"expiry/touch"},
		func(f *faulty) {
			ever := f.remembers()
			f.eachWrite(func(w driver.Write, apply step) driver.Result {
				r := apply(w)
				if old, ok := ever[w.Key]; ok && errors.Is(r.Err, driver.ErrNotFound) {
					old.TTL = w.TTL
					return apply(old)
				}
				return r
			})
		},
	},
	{
		"compares with an expired checkpoint",
		[]string{"expiry/if-newer"},
		func(f *faulty) {
			ever := f.remembers()
			f.eachWrite(func(w driver.Write, apply step) driver.Result {
				old, ok := ever[w.Key]
				if ok && w.Mode == driver.IfNewer && isMissing(f.stored(w.Key)) && w.Position.Compare(old.Position) < 0 {
					return driver.Result{Outcome: driver.Stale}
				}
				return apply(w)
			})
		},
	},
}

// remembers keeps the last write to each key that had a TTL.
func (f *faulty) remembers() map[string]driver.Write {
	ever := make(map[string]driver.Write)
	f.given(func(w *driver.Write) {
		if w.TTL != 0 && w.Mode != driver.Touch {
			ever[w.Key] = *w
		}
	})
	return ever
}

var touchFaults = []fault{
	{
		"sets updatedAt with Touch",
		[]string{"touch/expiry-alone"},
		func(f *faulty) {
			f.touchesAs(func(w, stored driver.Write) driver.Write {
				stored.UpdatedAt = time.Now().UTC().Truncate(time.Millisecond)
				return stored
			})
		},
	},
	{
		"sets the position with Touch",
		[]string{"touch/expiry-alone"},
		func(f *faulty) {
			f.touchesAs(func(w, stored driver.Write) driver.Write {
				stored.Position = w.Position
				return stored
			})
		},
	},
	{
		"stores the epoch of a Touch",
		[]string{"touch/fence"},
		func(f *faulty) {
			f.touchesAs(func(w, stored driver.Write) driver.Write {
				stored.Epoch = max(stored.Epoch, w.Epoch)
				return stored
			})
		},
	},
	{
		"creates a checkpoint with Touch",
		[]string{"touch/missing", "expiry/touch", "fence/failed-write-leaves-it", "batch/one-fails"},
		func(f *faulty) {
			f.given(func(w *driver.Write) {
				if w.Mode == driver.Touch && isMissing(f.stored(w.Key)) {
					w.Mode, w.UpdatedAt = driver.Set, time.Now()
				}
			})
		},
	},
	{
		"takes the Touch of a missing key for done",
		[]string{"touch/missing"},
		func(f *faulty) {
			f.answered(func(w driver.Write, r *driver.Result) {
				if w.Mode == driver.Touch && errors.Is(r.Err, driver.ErrNotFound) {
					*r = driver.Result{Outcome: driver.Unchanged}
				}
			})
		},
	},
	{
		"does not look at the epoch of a Touch",
		[]string{"touch/fence", "fence/refuses-lower"},
		func(f *faulty) {
			f.given(func(w *driver.Write) {
				if w.Mode == driver.Touch {
					w.Epoch = 0
				}
			})
		},
	},
	{
		"does nothing for a Touch with a TTL of zero",
		[]string{"touch/zero", "ttl/none-clears", "expiry/cleared"},
		func(f *faulty) {
			f.eachWrite(func(w driver.Write, apply step) driver.Result {
				if stored := f.stored(w.Key); w.Mode == driver.Touch && w.TTL == 0 && stored.Err == nil {
					return driver.Result{Outcome: driver.Unchanged}
				}
				return apply(w)
			})
		},
	},
}

// touchesAs has a Touch that has worked followed by the write that instead
// makes of it and of what is stored.
func (f *faulty) touchesAs(instead func(w, stored driver.Write) driver.Write) {
	f.eachWrite(func(w driver.Write, apply step) driver.Result {
		r := apply(w)
		if w.Mode == driver.Touch && r.Outcome == driver.Unchanged {
			s := f.stored(w.Key)
			apply(instead(w, driver.Write{
				Key: w.Key, Mark: driver.Mark{Position: s.Position, UpdatedAt: s.UpdatedAt, Epoch: s.Epoch}, TTL: w.TTL,
			}))
		}
		return r
	})
}
