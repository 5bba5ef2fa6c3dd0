package storetest_test

import (
	"errors"
	"time"

	"github.com/checkpointstore/checkpoint/cell"
	"github.com/checkpointstore/checkpoint/driver"
)

// rules are those by which a faulty driver changes and answers a cell.
type rules struct {
	record                  func(cell.Cell, time.Time) driver.Record
	visible                 func(cell.Cell, time.Time) driver.Cell
	write                   writeRule
	remove                  func(cell.Cell, time.Time) (cell.Cell, bool)
	acquire, renew, release leaseRule
	raise                   func(cell.Cell, uint64, time.Time) (cell.Cell, uint64, error)
	forget                  func(cell.Cell, time.Duration, time.Time) (cell.Cell, bool)

	writeEntry   func(before, after cell.Cell, w driver.Write, r driver.Result, now time.Time) *driver.AuditEntry
	deleteEntry  func(before, after cell.Cell, deleted bool, by driver.By, now time.Time) *driver.AuditEntry
	raiseEntry   func(before, after cell.Cell, atLeast uint64, by driver.By, now time.Time) *driver.AuditEntry
	acquireEntry func(before, after cell.Cell, r driver.LeaseResult, now time.Time) *driver.AuditEntry
	sample       func(before *cell.Cell, w *driver.Write, r driver.Result, now time.Time) (driver.Sample, bool)
}

type (
	writeRule func(cell.Cell, driver.Write, time.Time) (cell.Cell, driver.Result)
	leaseRule func(cell.Cell, driver.Lease, time.Time) (cell.Cell, driver.LeaseResult)
)

var soundRules = rules{
	record: cell.Cell.Record, visible: cell.Cell.Visible, write: cell.Cell.Write, remove: cell.Cell.Delete,
	acquire: cell.Cell.Acquire, renew: cell.Cell.Renew, release: cell.Cell.Release,
	raise: cell.Cell.RaiseFence, forget: cell.Cell.ReleaseFence,
	writeEntry: writeEntry, deleteEntry: cell.DeleteEntry, raiseEntry: cell.RaiseEntry, acquireEntry: cell.AcquireEntry,
	sample: cell.WriteSample,
}

func writeEntry(before, after cell.Cell, w driver.Write, r driver.Result, now time.Time) *driver.AuditEntry {
	return cell.WriteEntry(&before, &after, &w, r, now)
}

// The mutants. Each plants a rule that is sound but for one change. The cell that
// the change sees has no expired checkpoint.

// given changes the write, or the cell, before the rule sees them.
func given(change func(c *cell.Cell, w *driver.Write)) func(*faulty) {
	return func(f *faulty) {
		sound := f.rule.write
		f.rule.write = func(c cell.Cell, w driver.Write, now time.Time) (cell.Cell, driver.Result) {
			c = cell.Cell(c.Visible(now))
			change(&c, &w)
			return sound(c, w, now)
		}
	}
}

// answered changes what a write leaves, or its result. Before is the cell that the
// write found.
func answered(change func(before cell.Cell, w driver.Write, c *cell.Cell, r *driver.Result)) func(*faulty) {
	return func(f *faulty) {
		sound := f.rule.write
		f.rule.write = func(c cell.Cell, w driver.Write, now time.Time) (cell.Cell, driver.Result) {
			before := cell.Cell(c.Visible(now))
			c, r := sound(c, w, now)
			change(before, w, &c, &r)
			return c, r
		}
	}
}

// refused answers a write itself if decide says so.
func refused(decide func(c cell.Cell, w driver.Write) (driver.Result, bool)) func(*faulty) {
	return func(f *faulty) {
		sound := f.rule.write
		f.rule.write = func(c cell.Cell, w driver.Write, now time.Time) (cell.Cell, driver.Result) {
			if r, ok := decide(cell.Cell(c.Visible(now)), w); ok {
				return c, r
			}
			return sound(c, w, now)
		}
	}
}

// compared has IfNewer use another order of positions.
func compared(compare func(p, q driver.Position) int) func(*faulty) {
	return func(f *faulty) {
		f.rule.write = func(c cell.Cell, w driver.Write, now time.Time) (cell.Cell, driver.Result) {
			stored := c.Visible(now).Checkpoint
			if w.Mode != driver.IfNewer || !stored.Exists || stored.Err != nil {
				return c.Write(w, now)
			}
			order := compare(w.Position, stored.Position)
			if order < 0 {
				return c, driver.Result{Outcome: driver.Stale}
			}
			w.Mode = driver.Set
			c, r := c.Write(w, now)
			if order == 0 && r.Outcome == driver.Advanced {
				r.Outcome = driver.Unchanged
			}
			return c, r
		}
	}
}

// found changes each record that Get returns.
func found(change func(*driver.Record)) func(*faulty) {
	return func(f *faulty) {
		sound := f.rule.record
		f.rule.record = func(c cell.Cell, now time.Time) driver.Record {
			r := sound(c, now)
			change(&r)
			return r
		}
	}
}

// removing changes the cell before Delete sees it.
func removing(change func(*cell.Cell)) func(*faulty) {
	return func(f *faulty) {
		f.rule.remove = func(c cell.Cell, now time.Time) (cell.Cell, bool) {
			change(&c)
			return c.Delete(now)
		}
	}
}

// leased changes what a rule of a lease leaves or answers. Before is the cell that
// it found.
func leased(rule func(*rules) *leaseRule, change func(before cell.Cell, l driver.Lease, c *cell.Cell, r *driver.LeaseResult)) func(*faulty) {
	return func(f *faulty) {
		sound := *rule(&f.rule)
		*rule(&f.rule) = func(c cell.Cell, l driver.Lease, now time.Time) (cell.Cell, driver.LeaseResult) {
			after, r := sound(c, l, now)
			change(c, l, &after, &r)
			return after, r
		}
	}
}

// leasing changes the lease, or the cell, before a rule of a lease sees them.
func leasing(rule func(*rules) *leaseRule, change func(c *cell.Cell, l *driver.Lease)) func(*faulty) {
	return func(f *faulty) {
		sound := *rule(&f.rule)
		*rule(&f.rule) = func(c cell.Cell, l driver.Lease, now time.Time) (cell.Cell, driver.LeaseResult) {
			change(&c, &l)
			return sound(c, l, now)
		}
	}
}

func acquire(r *rules) *leaseRule { return &r.acquire }
func renew(r *rules) *leaseRule   { return &r.renew }
func release(r *rules) *leaseRule { return &r.release }

// raising changes the epoch, or the cell, before RaiseFence sees them.
func raising(change func(c *cell.Cell, atLeast *uint64)) func(*faulty) {
	return func(f *faulty) {
		sound := f.rule.raise
		f.rule.raise = func(c cell.Cell, atLeast uint64, now time.Time) (cell.Cell, uint64, error) {
			change(&c, &atLeast)
			return sound(c, atLeast, now)
		}
	}
}

// raised changes what RaiseFence leaves or answers.
func raised(change func(before cell.Cell, c *cell.Cell, fence *uint64, err *error)) func(*faulty) {
	return func(f *faulty) {
		f.rule.raise = func(c cell.Cell, atLeast uint64, now time.Time) (cell.Cell, uint64, error) {
			after, fence, err := c.RaiseFence(atLeast, now)
			change(c, &after, &fence, &err)
			return after, fence, err
		}
	}
}

// forgetting has ReleaseFences decide about another cell. It removes what is
// stored if that would be removed.
func forgetting(change func(*cell.Cell)) func(*faulty) {
	return func(f *faulty) {
		f.rule.forget = func(c cell.Cell, idle time.Duration, now time.Time) (cell.Cell, bool) {
			other := cell.Cell(c.Visible(now))
			change(&other)
			if _, released := other.ReleaseFence(idle, now); !released {
				return c, false
			}
			c.Fence, c.Lease = driver.Fence{}, driver.StoredLease{}
			return c, true
		}
	}
}

// shown changes each cell that Inspect and ScanCells show.
func shown(change func(*driver.Cell)) func(*faulty) {
	return func(f *faulty) {
		f.rule.visible = func(c cell.Cell, now time.Time) driver.Cell {
			v := c.Visible(now)
			change(&v)
			return v
		}
	}
}

func isMissing(r driver.Record) bool { return errors.Is(r.Err, driver.ErrNotFound) }

func isDamaged(r driver.Record) bool { return errors.Is(r.Err, driver.ErrCorrupt) }

func failed(err error) driver.Result { return driver.Result{Outcome: driver.Failed, Err: err} }
