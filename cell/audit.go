package cell

import (
	"cmp"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
)

// The functions below return the audit entry of a change that a rule has decided, or nil
// if the change leaves none. An engine stores the entry in the step that stores the cell.

// Audited reports whether w leaves an entry if it lands. The entry tells the fence, so that
// the engine must load it.
func Audited(w *driver.Write) bool {
	return w.By != nil || w.Mode == driver.Set || w.Mode == driver.Rewind
}

// WriteEntry returns the entry of a write. A Set or a Rewind leaves one if it has landed.
// An IfNewer or a Touch leaves one if it has landed and its By is set.
func WriteEntry(before, after *Cell, w *driver.Write, r driver.Result, now time.Time) *driver.AuditEntry {
	if !r.Outcome.Landed() || !Audited(w) {
		return nil
	}
	var by driver.By
	if w.By != nil {
		by = *w.By
	}
	return entry(*before, *after, modes[w.Mode], by, now)
}

var modes = [...]string{
	driver.Set: driver.AuditSet, driver.IfNewer: driver.AuditAdvance,
	driver.Rewind: driver.AuditRewind, driver.Touch: driver.AuditTouch,
}

// DeleteEntry returns the entry of a Delete that found a checkpoint if deleted is true.
func DeleteEntry(before, after Cell, deleted bool, by driver.By, now time.Time) *driver.AuditEntry {
	if !deleted {
		return nil
	}
	return entry(before, after, driver.AuditDelete, by, now)
}

// RaiseEntry returns the entry of a RaiseFence that has changed something.
func RaiseEntry(before, after Cell, atLeast uint64, by driver.By, now time.Time) *driver.AuditEntry {
	if before.Fence == after.Fence && before.Lease == after.Lease {
		return nil
	}
	op := driver.AuditFence
	if atLeast == 0 {
		op = driver.AuditRevoke
	}
	return entry(before, after, op, by, now)
}

// AcquireEntry returns the entry of an Acquire that has taken the lease over: another
// owner had not released it.
func AcquireEntry(before, after Cell, r driver.LeaseResult, now time.Time) *driver.AuditEntry {
	former := before.Lease
	if r.Err != nil || !former.Exists() || former.Owner == r.Lease.Owner {
		return nil
	}
	return entry(before, after, driver.AuditTakeOver, driver.By{Actor: r.Lease.Owner, Reason: "after " + former.Owner}.Clean(), now)
}

// RestoreEntry returns the entry of a key that a restore of the store has changed.
func RestoreEntry(before, after Cell, by driver.By, now time.Time) *driver.AuditEntry {
	if before.Visible(now) == after.Visible(now) {
		return nil
	}
	return entry(before, after, driver.AuditRestore, by, now)
}

func entry(before, after Cell, op string, by driver.By, now time.Time) *driver.AuditEntry {
	e := &driver.AuditEntry{
		At: now.UTC().Truncate(time.Millisecond), Op: cmp.Or(by.Op, op), By: by,
		Old: before.position(now), New: after.position(now),
		OldEpoch: before.Fence.Epoch, NewEpoch: after.Fence.Epoch,
	}
	e.By.Op = ""
	return e
}

func (c *Cell) position(now time.Time) *driver.Position {
	stored := c.checkpoint(now)
	if !stored.Exists || stored.Err != nil {
		return nil
	}
	p := stored.Position
	return &p
}
