// Package cell has the rule of every change to a key: how a write, a deletion, a lease
// and a raised fence change the cell of the key, and what they answer. The rules are in
// no other place. The files testdata/*.txt state the same rules as tables that anybody
// can read.
//
// All functions are pure: no I/O, no clock, no goroutine. A driver loads the
// [Cell] of a key, calls a method with the engine's time, and stores the
// difference between the two cells, in one atomic step. It needs to load only
// what the method reads:
//
//	Write without an epoch, Delete      the checkpoint
//	Write with an epoch, Rewind         the checkpoint and the fence
//	Acquire, RaiseFence, ReleaseFence   all three
//	Renew                               the fence and the lease
//	Release                             the lease
//	a change that leaves an audit entry the fence, too
//
// If a method returns its receiver unchanged, there is nothing to store. Change alone changes
// its receiver.
package cell

import (
	"cmp"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
)

// A Cell is a [driver.Cell] with its rules.
type Cell driver.Cell

// Record returns the answer of Get at now.
func (c Cell) Record(now time.Time) driver.Record {
	r := driver.Record{Key: c.Key}
	switch stored := c.checkpoint(now); {
	case !stored.Exists:
		r.Err = driver.ErrNotFound
	case stored.Err != nil:
		r.Err = stored.Err
	default:
		r.Mark, r.ExpiresAt = stored.Mark, stored.ExpiresAt
	}
	return r
}

// Visible returns the answer of Inspect at now: c without an expired checkpoint.
func (c Cell) Visible(now time.Time) driver.Cell {
	c.Checkpoint = *c.checkpoint(now)
	return driver.Cell(c)
}

// Write decides w. It reads and raises the fence only if w has an epoch or is a
// Rewind.
func (c Cell) Write(w driver.Write, now time.Time) (Cell, driver.Result) {
	r := c.Change(&w, now)
	return c, r
}

// Change is Write, and changes c itself: to copy a cell takes longer than to decide a write.
func (c *Cell) Change(w *driver.Write, now time.Time) driver.Result {
	stored := c.checkpoint(now)
	epoch, refusal := c.admit(w, stored.Epoch)
	if refusal != nil {
		return *refusal
	}
	outcome := driver.Advanced
	switch w.Mode {
	case driver.Touch:
		if !stored.Exists {
			return failed(driver.ErrNotFound)
		}
		if stored.Err != nil {
			return failed(stored.Err)
		}
		c.raise(epoch, now)
		c.Checkpoint.ExpiresAt = expiry(now, w.TTL)
		return driver.Result{Outcome: driver.Unchanged, Epoch: epoch}
	case driver.IfNewer:
		if stored.Err != nil {
			return failed(stored.Err)
		}
		if stored.Exists {
			outcome = compared[w.Position.Compare(stored.Position)+1]
		}
	}
	c.raise(epoch, now)
	if outcome != driver.Stale {
		logID := cmp.Or(w.LogID, stored.LogID)
		c.Checkpoint = driver.StoredCheckpoint{Exists: true, Mark: w.Mark, ExpiresAt: expiry(now, w.TTL)}
		c.Checkpoint.Epoch, c.Checkpoint.LogID = epoch, logID
	}
	return driver.Result{Outcome: outcome, Epoch: epoch}
}

// Usual reports whether w is a write as a consumer makes it again and again: it changes at
// most the checkpoint that is there, it leaves neither an audit entry nor a sample, and now may
// be any time. To read a clock and to copy a cell take longer than to decide such a write.
func (c *Cell) Usual(w *driver.Write) bool {
	return w.Mode == driver.IfNewer && w.Epoch == 0 && w.TTL == 0 && w.By == nil &&
		c.Checkpoint.Exists && c.Checkpoint.ExpiresAt.IsZero() && !c.Checkpoint.UpdatedAt.Before(w.SampleBefore)
}

// admit returns the epoch that w leaves, or why the fence refuses w.
func (c *Cell) admit(w *driver.Write, stored uint64) (epoch uint64, refusal *driver.Result) {
	refuse := func(r driver.Result) (uint64, *driver.Result) { return 0, &r }
	fence := c.Fence.Epoch
	switch {
	case w.Epoch == 0 && w.Mode != driver.Rewind:
		return 0, nil
	case c.Fence.Err != nil:
		return refuse(failed(c.Fence.Err))
	case w.Epoch != 0 && w.Epoch < fence:
		return refuse(driver.Result{Outcome: driver.Fenced, Epoch: fence})
	}
	if err := lost(fence, stored, "checkpoint"); err != nil {
		return refuse(failed(err))
	}
	if w.Mode != driver.Rewind {
		return w.Epoch, nil
	}
	if epoch = max(fence, w.Epoch); epoch == maxEpoch {
		return refuse(failed(driver.ErrEpochExhausted))
	}
	return epoch + 1, nil
}

// compared are the outcomes of IfNewer for an older, an equal and a newer position.
var compared = [...]driver.Outcome{driver.Stale, driver.Unchanged, driver.Advanced}

// Delete removes the checkpoint, and reports whether there was one. The fence and
// the lease stay.
func (c Cell) Delete(now time.Time) (Cell, bool) {
	if !c.checkpoint(now).Exists {
		return c, false
	}
	c.Checkpoint = driver.StoredCheckpoint{}
	return c, true
}

// checkpoint returns the stored checkpoint, or none if it has expired. Callers must not
// change it.
func (c *Cell) checkpoint(now time.Time) *driver.StoredCheckpoint {
	if at := c.Checkpoint.ExpiresAt; !at.IsZero() && !now.Before(at) {
		return &none
	}
	return &c.Checkpoint
}

var none driver.StoredCheckpoint

func expiry(now time.Time, ttl time.Duration) time.Time {
	if ttl == 0 {
		return time.Time{}
	}
	return ceil(now).Add(ttl)
}

// ceil returns the first whole millisecond that is not before t.
func ceil(t time.Time) time.Time {
	whole := t.UTC().Truncate(time.Millisecond)
	if whole.Before(t) {
		whole = whole.Add(time.Millisecond)
	}
	return whole
}

func failed(err error) driver.Result { return driver.Result{Outcome: driver.Failed, Err: err} }
