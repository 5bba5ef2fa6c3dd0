package memstore

import (
	"context"
	"iter"
	"slices"
	"time"

	"github.com/checkpointstore/checkpoint/cell"
	"github.com/checkpointstore/checkpoint/driver"
)

// Acquire implements [driver.Leaser].
func (d *Driver) Acquire(ctx context.Context, leases []driver.Lease) ([]driver.LeaseResult, error) {
	return d.leases(ctx, leases, cell.Cell.Acquire, cell.AcquireEntry)
}

// Renew implements [driver.Leaser].
func (d *Driver) Renew(ctx context.Context, leases []driver.Lease) ([]driver.LeaseResult, error) {
	return d.leases(ctx, leases, cell.Cell.Renew, nil)
}

// Release implements [driver.Leaser].
func (d *Driver) Release(ctx context.Context, leases []driver.Lease) ([]driver.LeaseResult, error) {
	return d.leases(ctx, leases, cell.Cell.Release, nil)
}

func (d *Driver) leases(
	ctx context.Context, leases []driver.Lease,
	rule func(cell.Cell, driver.Lease, time.Time) (cell.Cell, driver.LeaseResult),
	audit func(before, after cell.Cell, r driver.LeaseResult, now time.Time) *driver.AuditEntry,
) ([]driver.LeaseResult, error) {
	if err := d.begin(ctx); err != nil {
		return nil, err
	}
	defer d.mu.Unlock()
	now := time.Now()
	results := make([]driver.LeaseResult, len(leases))
	for i, l := range leases {
		before := *d.cell(l.Key)
		c, r := rule(before, l, now)
		var trace Trace
		if audit != nil {
			trace.Entry = audit(before, c, r, now)
		}
		d.store(c, trace)
		results[i] = r
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
	now, before := time.Now(), *d.cell(key)
	c, fence, err := before.RaiseFence(atLeast, now)
	d.store(c, Trace{Entry: cell.RaiseEntry(before, c, atLeast, driver.ByOf(ctx), now)})
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
			d.store(c, Trace{})
			d.forget(key)
			n++
		}
	}
	return n, nil
}

func (d *Driver) forget(key string) {
	delete(d.audit, key)
	delete(d.samples, key)
}

// note stores an audit entry of key.
func (d *Driver) note(key string, e driver.AuditEntry) {
	d.audit[key] = append(d.audit[key], e)
	if late := len(d.audit[key]) - driver.AuditEntries; late > 0 {
		d.audit[key] = slices.Delete(d.audit[key], 0, late)
	}
}

// History implements [driver.Historian].
func (d *Driver) History(ctx context.Context, key string, n int) ([]driver.AuditEntry, error) {
	if err := d.begin(ctx); err != nil {
		return nil, err
	}
	defer d.mu.Unlock()
	entries := slices.Clone(d.audit[key])
	slices.Reverse(entries)
	return entries[:min(n, len(entries))], nil
}

// Samples implements [driver.Sampler].
func (d *Driver) Samples(ctx context.Context, key string) ([]driver.Sample, error) {
	if err := d.begin(ctx); err != nil {
		return nil, err
	}
	defer d.mu.Unlock()
	samples := slices.Clone(d.samples[key])
	slices.Reverse(samples)
	return samples, nil
}

// Adopt implements [driver.Adopter].
func (d *Driver) Adopt(ctx context.Context, key string, entries []driver.AuditEntry, samples []driver.Sample) error {
	if err := d.begin(ctx); err != nil {
		return err
	}
	defer d.mu.Unlock()
	if len(d.audit[key]) == 0 {
		for _, e := range slices.Backward(entries) {
			d.note(key, e)
		}
	}
	if len(d.samples[key]) == 0 {
		for _, s := range slices.Backward(samples) {
			d.samples[key] = cell.KeepSample(d.samples[key], s)
		}
	}
	return nil
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
