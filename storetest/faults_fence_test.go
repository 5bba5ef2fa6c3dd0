package storetest_test

import (
	"errors"
	"math"
	"strings"
	"time"

	"github.com/checkpointstore/checkpoint/cell"
	"github.com/checkpointstore/checkpoint/driver"
)

// Who may write.
var fenceFaults = []fault{
	{
		"ignores epochs",
		[]string{"fence/refuses-lower", "fence/admits-equal-and-higher", "fence/64-bits", "fence/equal-position-refreshes-epoch"},
		given(func(_ *cell.Cell, w *driver.Write) { w.Epoch = 0 }),
	},
	{
		"keeps epochs as float64",
		[]string{"fence/64-bits"},
		given(func(_ *cell.Cell, w *driver.Write) {
			if w.Epoch < 1<<63 {
				w.Epoch = uint64(float64(w.Epoch))
			}
		}),
	},
	{
		"refuses an epoch that equals the fence",
		[]string{"fence/admits-equal-and-higher", "fence/unfenced-write"},
		refused(func(c cell.Cell, w driver.Write) (driver.Result, bool) {
			return driver.Result{Outcome: driver.Fenced, Epoch: w.Epoch}, w.Epoch != 0 && w.Epoch == c.Fence.Epoch
		}),
	},
	{
		"does not say what the fence is",
		[]string{"fence/refuses-lower", "rewind/with-epoch"},
		answered(func(_ cell.Cell, _ driver.Write, _ *cell.Cell, r *driver.Result) {
			if r.Outcome == driver.Fenced {
				r.Epoch = 0
			}
		}),
	},
	{
		"forgets the fence with Delete",
		[]string{"fence/outlives-delete", "store/clear"},
		removing(func(c *cell.Cell) { c.Fence = driver.Fence{} }),
	},
	{
		"keeps the fence within the checkpoint",
		[]string{"fence/outlives-delete", "fence/outlives-expiry", "fence/outlives-damage"},
		given(func(c *cell.Cell, _ *driver.Write) {
			if !c.Checkpoint.Exists || c.Checkpoint.Err != nil {
				c.Fence, c.Checkpoint.Epoch = driver.Fence{}, 0
			}
		}),
	},
	{
		"does not move the fence with a stale write",
		[]string{"fence/stale-write-moves-it", "rewind/from-the-fence"},
		answered(func(before cell.Cell, _ driver.Write, c *cell.Cell, r *driver.Result) {
			if r.Outcome == driver.Stale {
				c.Fence = before.Fence
			}
		}),
	},
	{
		"moves the fence with a write that fails",
		[]string{"fence/failed-write-leaves-it", "rewind/exhausted"},
		answered(func(_ cell.Cell, w driver.Write, c *cell.Cell, r *driver.Result) {
			if r.Outcome == driver.Failed {
				c.Fence.Epoch = max(c.Fence.Epoch, w.Epoch)
			}
		}),
	},
	{
		"keeps the old epoch over a write without one",
		[]string{"fence/unfenced-write"},
		given(func(c *cell.Cell, w *driver.Write) {
			if w.Epoch == 0 && w.Mode != driver.Rewind {
				w.Epoch = c.Checkpoint.Epoch
			}
		}),
	},
	{
		"refuses a write without an epoch once there is a fence",
		[]string{"fence/unfenced-write"},
		refused(func(c cell.Cell, w driver.Write) (driver.Result, bool) {
			fence := c.Fence.Epoch
			return driver.Result{Outcome: driver.Fenced, Epoch: fence}, w.Epoch == 0 && fence != 0 && w.Mode != driver.Rewind
		}),
	},
	{
		"keeps the old epoch when the position is equal",
		[]string{"fence/equal-position-refreshes-epoch"},
		answered(func(before cell.Cell, _ driver.Write, c *cell.Cell, r *driver.Result) {
			if r.Outcome == driver.Unchanged {
				c.Checkpoint.Epoch = before.Checkpoint.Epoch
			}
		}),
	},
	{
		"makes no fence where there is no checkpoint",
		[]string{"fence/without-checkpoint"},
		given(func(c *cell.Cell, w *driver.Write) {
			if !c.Checkpoint.Exists {
				w.Epoch = 0
			}
		}),
	},
	{
		"has one fence for all keys",
		[]string{"fence/of-its-key-alone", "keys/fences-apart"},
		fencesNamed(func(string) string { return "" }),
	},
	{
		"names fences in lower case",
		[]string{"fence/of-its-key-alone", "keys/fences-apart"},
		fencesNamed(strings.ToLower),
	},
	{
		"looks at the damage before the fence",
		[]string{"fence/outlives-damage"},
		refused(func(c cell.Cell, w driver.Write) (driver.Result, bool) {
			return failed(c.Checkpoint.Err), w.Mode == driver.IfNewer && c.Checkpoint.Err != nil
		}),
	},
}

// fencesNamed has keys share a fence if name calls them the same.
func fencesNamed(name func(key string) string) func(*faulty) {
	return func(f *faulty) {
		fences := make(map[string]uint64)
		given(func(c *cell.Cell, w *driver.Write) {
			shared := name(w.Key)
			c.Fence.Epoch = max(c.Fence.Epoch, fences[shared])
			fences[shared] = max(c.Fence.Epoch, w.Epoch)
		})(f)
	}
}

var rewindFaults = []fault{
	{
		"does not raise the fence with Rewind",
		[]string{"rewind/any-position", "rewind/raises-by-one", "rewind/from-the-fence", "damage/rewind-repairs"},
		given(func(_ *cell.Cell, w *driver.Write) {
			if w.Mode == driver.Rewind {
				w.Mode = driver.Set
			}
		}),
	},
	{
		"raises the fence by two with Rewind",
		[]string{"rewind/raises-by-one", "rewind/to-the-highest"},
		given(func(c *cell.Cell, w *driver.Write) {
			if w.Mode == driver.Rewind {
				c.Fence.Epoch, w.Epoch = c.Fence.Epoch+1, 0
			}
		}),
	},
	{
		"refuses a newer position for Rewind",
		[]string{"rewind/any-position"},
		refused(func(c cell.Cell, w driver.Write) (driver.Result, bool) {
			newer := c.Checkpoint.Exists && w.Position.Compare(c.Checkpoint.Position) > 0
			return failed(errors.New("that is not back")), w.Mode == driver.Rewind && newer
		}),
	},
	{
		"counts Rewind from the stored epoch",
		[]string{"rewind/from-the-fence"},
		given(func(c *cell.Cell, w *driver.Write) {
			if w.Mode == driver.Rewind {
				c.Fence.Epoch = c.Checkpoint.Epoch
			}
		}),
	},
	{
		"does not look at the epoch of a Rewind",
		[]string{"rewind/with-epoch", "fence/refuses-lower"},
		given(func(_ *cell.Cell, w *driver.Write) {
			if w.Mode == driver.Rewind {
				w.Epoch = 0
			}
		}),
	},
	{
		"rewinds without an epoch when there is no higher one",
		[]string{"rewind/exhausted"},
		func(f *faulty) {
			f.rule.write = func(c cell.Cell, w driver.Write, now time.Time) (cell.Cell, driver.Result) {
				after, r := c.Write(w, now)
				if errors.Is(r.Err, driver.ErrEpochExhausted) {
					w.Mode, w.Epoch = driver.Set, 0
					return c.Write(w, now)
				}
				return after, r
			}
		},
	},
	{
		"never reaches the highest epoch",
		[]string{"rewind/to-the-highest"},
		refused(func(c cell.Cell, w driver.Write) (driver.Result, bool) {
			return failed(driver.ErrEpochExhausted), w.Mode == driver.Rewind && c.Fence.Epoch == math.MaxUint64-1
		}),
	},
}

var raiseFaults = []fault{
	{
		"raises the fence to what it is told, and no higher",
		[]string{"raise/above-all", "raise/ends-the-lease", "raise/race"},
		func(f *faulty) {
			f.rule.raise = func(c cell.Cell, atLeast uint64, now time.Time) (cell.Cell, uint64, error) {
				c.Fence, c.Lease = driver.Fence{Epoch: max(c.Fence.Epoch, atLeast), RaisedAt: now}, driver.StoredLease{}
				return c, c.Fence.Epoch, nil
			}
		},
	},
	{
		"raises the fence by one, whatever it is told",
		[]string{"raise/above-all"},
		raising(func(c *cell.Cell, atLeast *uint64) { *atLeast = min(*atLeast, 1) }),
	},
	{
		"raises the fence in words only",
		[]string{"raise/above-all", "raise/race"},
		raised(func(before cell.Cell, c *cell.Cell, _ *uint64, _ *error) { c.Fence = before.Fence }),
	},
	{
		"makes a fence of nothing",
		[]string{"raise/nothing"},
		raising(func(_ *cell.Cell, atLeast *uint64) { *atLeast = max(*atLeast, 2) }),
	},
	{
		"starts anew above the highest epoch",
		[]string{"raise/exhausted"},
		raised(func(_ cell.Cell, c *cell.Cell, fence *uint64, err *error) {
			if errors.Is(*err, driver.ErrEpochExhausted) {
				c.Fence.Epoch, *fence, *err = 1, 1, nil
			}
		}),
	},
	{
		"leaves the lease when it raises the fence",
		[]string{"raise/repairs-a-lease"},
		raised(func(before cell.Cell, c *cell.Cell, _ *uint64, _ *error) {
			if c.Lease = before.Lease; c.Lease.Err != nil {
				c.Lease.Epoch = c.Fence.Epoch
			}
		}),
	},
	{
		"repairs a fence from nothing",
		[]string{"raise/repairs-a-fence"},
		raising(func(c *cell.Cell, _ *uint64) { c.Fence.Err = nil }),
	},
	{
		"cannot repair a fence",
		[]string{"raise/repairs-a-fence"},
		raised(func(before cell.Cell, c *cell.Cell, fence *uint64, err *error) {
			if before.Fence.Err != nil {
				*c, *fence, *err = before, 0, before.Fence.Err
			}
		}),
	},
	{
		"removes what is damaged when it raises the fence",
		[]string{"raise/repairs-a-lease"},
		raising(func(c *cell.Cell, _ *uint64) {
			if c.Checkpoint.Err != nil {
				c.Checkpoint = driver.StoredCheckpoint{}
			}
		}),
	},
}

var releaseFencesFaults = []fault{
	{
		"releases no fence",
		[]string{"release-fences/removes", "release-fences/ended"},
		forgetting(func(c *cell.Cell) { c.Fence = driver.Fence{} }),
	},
	{
		"releases the fence of a key that is in use",
		[]string{"release-fences/needed"},
		forgetting(func(c *cell.Cell) { c.Checkpoint = driver.StoredCheckpoint{} }),
	},
	{
		"releases the fence below a lease",
		[]string{"release-fences/needed"},
		forgetting(func(c *cell.Cell) { c.Lease = driver.StoredLease{} }),
	},
	{
		"releases a damaged fence",
		[]string{"release-fences/needed"},
		forgetting(func(c *cell.Cell) {
			if c.Fence.Err != nil {
				c.Fence = driver.Fence{Epoch: 1, RaisedAt: time.Now()}
			}
		}),
	},
	{
		"releases fences however young they are",
		[]string{"release-fences/idle"},
		forgetting(func(c *cell.Cell) {
			if c.Fence.Exists() {
				c.Fence.RaisedAt = c.Fence.RaisedAt.Add(-48 * time.Hour)
			}
		}),
	},
	{
		"drops a lease that has ended before it looks how long ago that was",
		[]string{"release-fences/idle-lease"},
		forgetting(func(c *cell.Cell) {
			if !time.Now().Before(c.Lease.ExpiresAt) {
				c.Lease = driver.StoredLease{}
			}
		}),
	},
	{
		"counts fences in words only",
		[]string{"release-fences/removes"},
		func(f *faulty) {
			f.rule.forget = func(c cell.Cell, idle time.Duration, now time.Time) (cell.Cell, bool) {
				_, released := c.ReleaseFence(idle, now)
				return c, released
			}
		},
	},
}
