package memstore

import (
	"context"
	"iter"
	"time"

	"github.com/checkpointstore/checkpoint/cell"
	"github.com/checkpointstore/checkpoint/driver"
)

// Acquire implements [driver.Leaser].
func (d *Driver) Acquire(ctx context.Context, leases []driver.Lease) ([]driver.LeaseResult, error) {
	return d.leases(ctx, leases, cell.Cell.Acquire)
}

// Renew implements [driver.Leaser].
func (d *Driver) Renew(ctx context.Context, leases []driver.Lease) ([]driver.LeaseResult, error) {
	return d.leases(ctx, leases, cell.Cell.Renew)
}

// Release implements [driver.Leaser].
func (d *Driver) Release(ctx context.Context, leases []driver.Lease) ([]driver.LeaseResult, error) {
	return d.leases(ctx, leases, cell.Cell.Release)
}

func (d *Driver) leases(
	ctx context.Context, leases []driver.Lease,
	rule func(cell.Cell, driver.Lease, time.Time) (cell.Cell, driver.LeaseResult),
) ([]driver.LeaseResult, error) {
	if err := d.begin(ctx); err != nil {
		return nil, err
	}
	defer d.mu.Unlock()
	now := time.Now()
	results := make([]driver.LeaseResult, len(leases))
	for i, l := range leases {
		var c cell.Cell
		c, results[i] = rule(*d.cell(l.Key), l, now)
		d.store(c)
	}
	return results, nil
}

// LeaseEnds implements [driver.Notifier].
func (d *Driver) LeaseEnds(ctx context.Context, keys []string) (<-chan struct{}, error) {
	if err := d.begin(ctx); err != nil {
		return nil, err
	}
	defer d.mu.Unlock()
	return d.waiters.Add(ctx, keys)
}

// RaiseFence implements [driver.Fencer].
func (d *Driver) RaiseFence(ctx context.Context, key string, atLeast uint64) (uint64, error) {
	if err := d.begin(ctx); err != nil {
		return 0, err
	}
	defer d.mu.Unlock()
	c, fence, err := d.cell(key).RaiseFence(atLeast, time.Now())
	d.store(c)
	return fence, err
}

// ReleaseFences implements [driver.Fencer].
func (d *Driver) ReleaseFences(ctx context.Context, keys []string, idle time.Duration) (int, error) {
	if err := d.begin(ctx); err != nil {
		return 0, err
	}
	defer d.mu.Unlock()
	now, n := time.Now(), 0
	for _, key := range keys {
		if c, released := d.cell(key).ReleaseFence(idle, now); released {
			d.store(c)
			n++
		}
	}
	return n, nil
}

// Inspect implements [driver.Inspector].
func (d *Driver) Inspect(ctx context.Context, keys []string) ([]driver.Cell, error) {
	if err := d.begin(ctx); err != nil {
		return nil, err
	}
	defer d.mu.Unlock()
	now := time.Now()
	cells := make([]driver.Cell, len(keys))
	for i, key := range keys {
		cells[i] = d.cell(key).Visible(now)
	}
	return cells, nil
}

// ScanCells implements [driver.Inspector].
func (d *Driver) ScanCells(ctx context.Context, pattern string, pageSize int) iter.Seq2[[]driver.Cell, error] {
	return pages(ctx, d, pattern, pageSize, func(c *cell.Cell, now time.Time) (driver.Cell, bool) {
		visible := c.Visible(now)
		return visible, visible.Holds()
	})
}
