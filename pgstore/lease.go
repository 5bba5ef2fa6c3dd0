package pgstore

import (
	"context"
	"slices"
	"time"

	"github.com/checkpointstore/checkpoint/cell"
	"github.com/checkpointstore/checkpoint/driver"
)

// Acquire implements [driver.Leaser]. Time is the server's.
func (d *Driver) Acquire(ctx context.Context, leases []driver.Lease) ([]driver.LeaseResult, error) {
	return d.lease(ctx, leases, fences|checkpoints, cell.Cell.Acquire, cell.AcquireEntry)
}

// Renew implements [driver.Leaser].
func (d *Driver) Renew(ctx context.Context, leases []driver.Lease) ([]driver.LeaseResult, error) {
	return d.lease(ctx, leases, fences, cell.Cell.Renew, nil)
}

// Release implements [driver.Leaser].
func (d *Driver) Release(ctx context.Context, leases []driver.Lease) ([]driver.LeaseResult, error) {
	return d.lease(ctx, leases, fences, cell.Cell.Release, nil)
}

func (d *Driver) lease(
	ctx context.Context, asked []driver.Lease, reads parts,
	rule func(cell.Cell, driver.Lease, time.Time) (cell.Cell, driver.LeaseResult),
	audit func(before, after cell.Cell, r driver.LeaseResult, now time.Time) *driver.AuditEntry,
) ([]driver.LeaseResult, error) {
	results := make([]driver.LeaseResult, 0, len(asked))
	for part := range slices.Chunk(asked, chunk) {
		own := slices.Clone(part) // the transaction may still read it when the caller has given up
		keys := make([]string, len(own))
		for i := range own {
			keys[i] = own[i].Key
		}
		decided := make([]driver.LeaseResult, len(own))
		err := d.make(ctx, keys, reads, func(i int, c cell.Cell, now time.Time) cell.Cell {
			c, decided[i] = rule(c, own[i], now)
			return c
		}, func(i int) entryOf {
			if audit == nil {
				return nil
			}
			return func(before, after cell.Cell, now time.Time) *driver.AuditEntry {
				return audit(before, after, decided[i], now)
			}
		})
		if err != nil {
			return nil, err
		}
		results = append(results, decided...)
	}
	return results, nil
}

// RaiseFence implements [driver.Fencer].
func (d *Driver) RaiseFence(ctx context.Context, key string, atLeast uint64) (uint64, error) {
	var fence uint64
	var refused error
	by := driver.ByOf(ctx)
	err := d.make(ctx, []string{key}, fences|checkpoints, func(_ int, c cell.Cell, now time.Time) cell.Cell {
		c, fence, refused = c.RaiseFence(atLeast, now)
		return c
	}, func(int) entryOf {
		return func(before, after cell.Cell, now time.Time) *driver.AuditEntry {
			return cell.RaiseEntry(before, after, atLeast, by, now)
		}
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
		released := make([]bool, len(part))
		err := d.make(ctx, part, fences|checkpoints, func(i int, c cell.Cell, now time.Time) cell.Cell {
			c, released[i] = c.ReleaseFence(idle, now)
			return c
		}, noEntry)
		if err != nil {
			return total, err
		}
		total += count(released)
	}
	return total, nil
}
