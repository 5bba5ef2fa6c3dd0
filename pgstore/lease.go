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
	return d.lease(ctx, leases, fences, cell.Cell.Renew, noEntry)
}

// Release implements [driver.Leaser].
func (d *Driver) Release(ctx context.Context, leases []driver.Lease) ([]driver.LeaseResult, error) {
	return d.lease(ctx, leases, fences, cell.Cell.Release, noEntry)
}

func noEntry(cell.Cell, cell.Cell, driver.LeaseResult, time.Time) *driver.AuditEntry { return nil }

func (d *Driver) lease(
	ctx context.Context, asked []driver.Lease, reads parts,
	rule func(cell.Cell, driver.Lease, time.Time) (cell.Cell, driver.LeaseResult),
	entry func(before, after cell.Cell, r driver.LeaseResult, now time.Time) *driver.AuditEntry,
) ([]driver.LeaseResult, error) {
	results := make([]driver.LeaseResult, 0, len(asked))
	for part := range slices.Chunk(asked, chunk) {
		own := slices.Clone(part) // the transaction may still read it when the caller has given up
		keys := make([]string, len(own))
		for i := range own {
			keys[i] = own[i].Key
		}
		decided := make([]driver.LeaseResult, len(own))
		err := d.make(ctx, keys, reads, func(i int, before cell.Cell, now time.Time) (cell.Cell, trace) {
			after, r := rule(before, own[i], now)
			decided[i] = r
			return after, trace{entry: entry(before, after, r, now)}
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
	err := d.make(ctx, []string{key}, fences|checkpoints, func(_ int, before cell.Cell, now time.Time) (after cell.Cell, left trace) {
		after, fence, refused = before.RaiseFence(atLeast, now)
		return after, trace{entry: cell.RaiseEntry(before, after, atLeast, by, now)}
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
		err := d.make(ctx, part, fences|checkpoints, func(i int, c cell.Cell, now time.Time) (cell.Cell, trace) {
			c, released[i] = c.ReleaseFence(idle, now)
			return c, trace{}
		})
		if err != nil {
			return total, err
		}
		total += count(released)
	}
	return total, nil
}
