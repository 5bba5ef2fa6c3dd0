package sqlitestore

import (
	"context"
	"slices"
	"time"

	"github.com/checkpointstore/checkpoint/cell"
	"github.com/checkpointstore/checkpoint/driver"
)

// Acquire implements [driver.Leaser]. It uses the machine's clock, which all
// processes that share the file see.
func (d *Driver) Acquire(ctx context.Context, leases []driver.Lease) ([]driver.LeaseResult, error) {
	return d.decide(ctx, leases, cell.Cell.Acquire, cell.AcquireEntry)
}

// Renew implements [driver.Leaser].
func (d *Driver) Renew(ctx context.Context, leases []driver.Lease) ([]driver.LeaseResult, error) {
	return d.decide(ctx, leases, cell.Cell.Renew, noEntry)
}

// Release implements [driver.Leaser].
func (d *Driver) Release(ctx context.Context, leases []driver.Lease) ([]driver.LeaseResult, error) {
	return d.decide(ctx, leases, cell.Cell.Release, noEntry)
}

func noEntry(cell.Cell, cell.Cell, driver.LeaseResult, time.Time) *driver.AuditEntry { return nil }

// decide lets rule decide each lease, all in one transaction.
func (d *Driver) decide(
	ctx context.Context, asked []driver.Lease,
	rule func(cell.Cell, driver.Lease, time.Time) (cell.Cell, driver.LeaseResult),
	entry func(before, after cell.Cell, r driver.LeaseResult, now time.Time) *driver.AuditEntry,
) ([]driver.LeaseResult, error) {
	own := slices.Clone(asked) // the writer may still read it when the caller has given up
	results := make([]driver.LeaseResult, len(own))
	err := d.change(ctx, len(own), func(t *transaction) error {
		for i, l := range own {
			before, err := t.load(l.Key, fences|leases)
			if err != nil {
				return err
			}
			var after cell.Cell
			after, results[i] = rule(before, l, t.now)
			if err := t.store(before, after); err != nil {
				return err
			}
			if err := t.note(l.Key, entry(before, after, results[i], t.now)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return results, nil
}

// change runs f in a transaction. After an error f may still be running.
func (d *Driver) change(ctx context.Context, size int, f func(*transaction) error) error {
	if err := d.ready(ctx); err != nil {
		return err
	}
	if e := d.writer.do(ctx, size, f); e.err != nil {
		return d.failure(ctx, e.err)
	}
	return nil
}

// RaiseFence implements [driver.Fencer].
func (d *Driver) RaiseFence(ctx context.Context, key string, atLeast uint64) (uint64, error) {
	var fence uint64
	var refused error
	by := driver.ByOf(ctx)
	err := d.change(ctx, 1, func(t *transaction) error {
		before, err := t.load(key, fences|leases)
		if err != nil {
			return err
		}
		var after cell.Cell
		after, fence, refused = before.RaiseFence(atLeast, t.now)
		if err := t.store(before, after); err != nil {
			return err
		}
		return t.note(key, cell.RaiseEntry(before, after, atLeast, by, t.now))
	})
	if err != nil {
		return 0, err
	}
	return fence, refused
}

// ReleaseFences implements [driver.Fencer].
func (d *Driver) ReleaseFences(ctx context.Context, keys []string, idle time.Duration) (int, error) {
	total := 0
	for part := range slices.Chunk(keys, chunk) {
		own, n := slices.Clone(part), 0
		err := d.change(ctx, len(own), func(t *transaction) error {
			for _, key := range own {
				before, err := t.load(key, fences|leases)
				if err != nil {
					return err
				}
				after, released := before.ReleaseFence(idle, t.now)
				if err := t.store(before, after); err != nil {
					return err
				}
				if released {
					n++
					if err := t.forget(key); err != nil {
						return err
					}
				}
			}
			return nil
		})
		if err != nil {
			return total, err
		}
		total += n
	}
	return total, nil
}
