package storetest_test

import (
	"context"
	"errors"
	"math"
	"strings"

	"github.com/checkpointstore/checkpoint/driver"
)

var fenceFaults = []fault{
	{
		"ignores epochs",
		[]string{"fence/refuses-lower", "fence/admits-equal-and-higher", "fence/64-bits", "fence/equal-position-refreshes-epoch"},
		func(f *faulty) { f.given(func(w *driver.Write) { w.Epoch = 0 }) },
	},
	{
		"keeps epochs as float64",
		[]string{"fence/64-bits"},
		func(f *faulty) {
			f.given(func(w *driver.Write) {
				if w.Epoch < 1<<63 {
					w.Epoch = uint64(float64(w.Epoch))
				}
			})
		},
	},
	{
		"refuses an epoch that equals the fence",
		[]string{"fence/admits-equal-and-higher", "fence/unfenced-write"},
		func(f *faulty) {
			f.ownFence(func(w driver.Write, fence uint64, apply step) (driver.Result, uint64) {
				if w.Epoch != 0 && w.Epoch <= fence {
					return driver.Result{Outcome: driver.Fenced, Epoch: fence}, fence
				}
				return apply(w), w.Epoch
			})
		},
	},
	{
		"does not say what the fence is",
		[]string{"fence/refuses-lower", "rewind/with-epoch"},
		func(f *faulty) {
			f.answered(func(_ driver.Write, r *driver.Result) {
				if r.Outcome == driver.Fenced {
					r.Epoch = 0
				}
			})
		},
	},
	{
		"forgets the fence with Delete",
		[]string{"fence/outlives-delete", "store/clear"},
		func(f *faulty) {
			forget := f.forgetful()
			before := f.remove
			f.remove = func(ctx context.Context, keys []string) (int, error) {
				for _, key := range keys {
					forget(key)
				}
				return before(ctx, keys)
			}
		},
	},
	{
		"keeps the fence within the checkpoint",
		[]string{"fence/outlives-delete", "fence/outlives-expiry", "fence/outlives-damage"},
		func(f *faulty) {
			forget := f.forgetful()
			f.given(func(w *driver.Write) {
				if stored := f.stored(w.Key); isMissing(stored) || isDamaged(stored) {
					forget(w.Key)
				}
			})
		},
	},
	{
		"does not move the fence with a stale write",
		[]string{"fence/stale-write-moves-it", "rewind/from-the-fence"},
		func(f *faulty) {
			f.given(func(w *driver.Write) {
				stored := f.stored(w.Key)
				if w.Mode == driver.IfNewer && stored.Err == nil && w.Position.Compare(stored.Position) < 0 {
					w.Epoch = 0
				}
			})
		},
	},
	{
		"moves the fence with a write that fails",
		[]string{"fence/failed-write-leaves-it", "rewind/exhausted"},
		func(f *faulty) {
			fences := make(map[string]uint64)
			f.eachWrite(func(w driver.Write, apply step) driver.Result {
				if w.Epoch != 0 && w.Epoch < fences[w.Key] {
					return driver.Result{Outcome: driver.Fenced, Epoch: fences[w.Key]}
				}
				r := apply(w)
				if r.Outcome == driver.Failed {
					fences[w.Key] = max(fences[w.Key], w.Epoch)
				}
				return r
			})
		},
	},
	{
		"keeps the old epoch over a write without one",
		[]string{"fence/unfenced-write"},
		func(f *faulty) {
			f.given(func(w *driver.Write) {
				if w.Epoch == 0 && w.Mode != driver.Rewind {
					w.Epoch = f.stored(w.Key).Epoch
				}
			})
		},
	},
	{
		"refuses a write without an epoch once there is a fence",
		[]string{"fence/unfenced-write"},
		func(f *faulty) {
			f.eachWrite(func(w driver.Write, apply step) driver.Result {
				if epoch := f.stored(w.Key).Epoch; w.Epoch == 0 && epoch != 0 && w.Mode != driver.Rewind {
					return driver.Result{Outcome: driver.Fenced, Epoch: epoch}
				}
				return apply(w)
			})
		},
	},
	{
		"keeps the old epoch when the position is equal",
		[]string{"fence/equal-position-refreshes-epoch"},
		func(f *faulty) {
			f.given(func(w *driver.Write) {
				stored := f.stored(w.Key)
				if w.Mode == driver.IfNewer && stored.Err == nil && w.Position == stored.Position {
					w.Epoch = min(w.Epoch, stored.Epoch)
				}
			})
		},
	},
	{
		"makes no fence where there is no checkpoint",
		[]string{"fence/without-checkpoint"},
		func(f *faulty) {
			f.given(func(w *driver.Write) {
				if isMissing(f.stored(w.Key)) {
					w.Epoch = 0
				}
			})
		},
	},
	{
		"has one fence for all keys",
		[]string{"fence/of-its-key-alone", "keys/fences-apart"},
		func(f *faulty) {
			var fence uint64
			f.eachWrite(func(w driver.Write, apply step) driver.Result {
				if w.Epoch != 0 && w.Epoch < fence {
					return driver.Result{Outcome: driver.Fenced, Epoch: fence}
				}
				fence = max(fence, w.Epoch)
				return apply(w)
			})
		},
	},
	{
		"names fences in lower case",
		[]string{"fence/of-its-key-alone", "keys/fences-apart"},
		func(f *faulty) {
			fences := make(map[string]uint64)
			f.eachWrite(func(w driver.Write, apply step) driver.Result {
				name := strings.ToLower(w.Key)
				if w.Epoch != 0 && w.Epoch < fences[name] {
					return driver.Result{Outcome: driver.Fenced, Epoch: fences[name]}
				}
				fences[name] = max(fences[name], w.Epoch)
				return apply(w)
			})
		},
	},
	{
		"looks at the damage before the fence",
		[]string{"fence/outlives-damage"},
		func(f *faulty) {
			f.eachWrite(func(w driver.Write, apply step) driver.Result {
				if stored := f.stored(w.Key); w.Mode == driver.IfNewer && isDamaged(stored) {
					return failed(stored.Err)
				}
				return apply(w)
			})
		},
	},
}

// ownFence has decide do each write, and say where the fence then is, with
// fences that the faulty driver keeps itself.
func (f *faulty) ownFence(decide func(w driver.Write, fence uint64, apply step) (driver.Result, uint64)) {
	fences := make(map[string]uint64)
	f.eachWrite(func(w driver.Write, apply step) driver.Result {
		r, fence := decide(w, fences[w.Key], apply)
		fences[w.Key] = max(fences[w.Key], fence)
		return r
	})
}

// forgetful returns a function that makes f forget a key's fence: it shifts
// the epochs that the memstore sees above all that it has seen.
func (f *faulty) forgetful() (forget func(key string)) {
	const shift = 1 << 32
	offsets := make(map[string]uint64)
	f.found(func(r *driver.Record) {
		if offset := offsets[r.Key]; r.Epoch > offset {
			r.Epoch -= offset
		}
	})
	f.answered(func(w driver.Write, r *driver.Result) {
		if offset := offsets[w.Key]; r.Epoch > offset {
			r.Epoch -= offset
		}
	})
	f.given(func(w *driver.Write) {
		if w.Epoch != 0 {
			w.Epoch += offsets[w.Key]
		}
	})
	return func(key string) { offsets[key] += shift }
}

var rewindFaults = []fault{
	{
		"does not raise the fence with Rewind",
		[]string{"rewind/any-position", "rewind/raises-by-one", "rewind/from-the-fence", "damage/rewind-repairs"},
		func(f *faulty) {
			f.given(func(w *driver.Write) {
				if w.Mode == driver.Rewind {
					w.Mode = driver.Set
				}
			})
		},
	},
	{
		"raises the fence by two with Rewind",
		[]string{"rewind/raises-by-one", "rewind/to-the-highest"},
		func(f *faulty) {
			f.eachWrite(func(w driver.Write, apply step) driver.Result {
				r := apply(w)
				if w.Mode == driver.Rewind && r.Outcome == driver.Advanced {
					w.Epoch = 0
					return apply(w)
				}
				return r
			})
		},
	},
	{
		"refuses a newer position for Rewind",
		[]string{"rewind/any-position"},
		func(f *faulty) {
			f.eachWrite(func(w driver.Write, apply step) driver.Result {
				stored := f.stored(w.Key)
				if w.Mode == driver.Rewind && stored.Err == nil && w.Position.Compare(stored.Position) > 0 {
					return failed(errors.New("that is not back"))
				}
				return apply(w)
			})
		},
	},
	{
		"counts Rewind from the stored epoch",
		[]string{"rewind/from-the-fence"},
		func(f *faulty) {
			f.eachWrite(func(w driver.Write, apply step) driver.Result {
				stored := f.stored(w.Key)
				r := apply(w)
				if w.Mode == driver.Rewind {
					r.Epoch = stored.Epoch + 1
				}
				return r
			})
		},
	},
	{
		"does not look at the epoch of a Rewind",
		[]string{"rewind/with-epoch", "fence/refuses-lower"},
		func(f *faulty) {
			f.given(func(w *driver.Write) {
				if w.Mode == driver.Rewind {
					w.Epoch = 0
				}
			})
		},
	},
	{
		"rewinds without an epoch when there is no higher one",
		[]string{"rewind/exhausted"},
		func(f *faulty) {
			f.eachWrite(func(w driver.Write, apply step) driver.Result {
				r := apply(w)
				if errors.Is(r.Err, driver.ErrEpochExhausted) {
					w.Mode, w.Epoch = driver.Set, 0
					return apply(w)
				}
				return r
			})
		},
	},
	{
		"never reaches the highest epoch",
		[]string{"rewind/to-the-highest"},
		func(f *faulty) {
			f.eachWrite(func(w driver.Write, apply step) driver.Result {
				if w.Mode == driver.Rewind && f.stored(w.Key).Epoch == math.MaxUint64-1 {
					return failed(driver.ErrEpochExhausted)
				}
				return apply(w)
			})
		},
	},
}
