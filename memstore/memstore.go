// Package memstore keeps checkpoints in memory, for tests and examples: they are gone
// when the process ends. It is also the reference for people who write a driver.
package memstore

import (
	"context"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/checkpointstore/checkpoint/cell"
	"github.com/checkpointstore/checkpoint/driver"
)

// Driver is a [driver.Driver] with every ability except [driver.RecordScanner],
// [driver.LeaseReader] and [driver.TTLUnit], which it has no use for. It is a map of cells
// under one lock. Time is the process's own, so that expiry works under testing/synctest.
type Driver struct {
	mu      sync.Mutex
	cells   map[string]*cell.Cell
	audit   map[string][]driver.AuditEntry // the latest last
	samples map[string][]driver.Sample     // the latest last
	reports map[string]map[string]driver.Report
	failure error
	results []driver.Result // spare ones
	records []driver.Record // the same
	waiters *driver.Waiters
}

var (
	_ driver.Driver    = (*Driver)(nil)
	_ driver.Leaser    = (*Driver)(nil)
	_ driver.Notifier  = (*Driver)(nil)
	_ driver.Inspector = (*Driver)(nil)
	_ driver.Fencer    = (*Driver)(nil)
	_ driver.Historian = (*Driver)(nil)
	_ driver.Sampler   = (*Driver)(nil)
	_ driver.Adopter   = (*Driver)(nil)
	_ driver.Reporter  = (*Driver)(nil)
)

// New returns an empty store.
func New() *Driver {
	return &Driver{
		cells: make(map[string]*cell.Cell), audit: make(map[string][]driver.AuditEntry), samples: make(map[string][]driver.Sample),
		reports: make(map[string]map[string]driver.Report), waiters: driver.NewWaiters(nil),
	}
}

// Name returns "Memory".
func (d *Driver) Name() string { return "Memory" }

// Close implements [driver.Driver].
func (d *Driver) Close() error {
	d.Fail(driver.ErrClosed)
	d.waiters.Close()
	return nil
}

// Fail makes every call fail with err, as if the engine could not be reached. Fail(nil)
// ends this.
func (d *Driver) Fail(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.failure = err
}

// Damage makes the checkpoint at key unreadable, so that a test can see how its code
// handles [driver.ErrCorrupt]. If there was no checkpoint, Damage stores a damaged one.
func (d *Driver) Damage(key string) {
	d.Edit(key, func(c *driver.Cell) {
		if at := c.Checkpoint.ExpiresAt; !at.IsZero() && !at.After(time.Now()) {
			c.Checkpoint = driver.StoredCheckpoint{}
		}
		c.Checkpoint.Exists = true
		c.Checkpoint.Position = driver.Position{}
		c.Checkpoint.Err = driver.DamagedCheckpoint("it was damaged on purpose")
	})
}

// DamageFence makes the fence of key unreadable, as Damage makes the checkpoint.
func (d *Driver) DamageFence(key string) {
	d.Edit(key, func(c *driver.Cell) { c.Fence = driver.Fence{Err: driver.DamagedFence("it was damaged on purpose")} })
}

// DamageLease makes the lease of key unreadable, as Damage makes the checkpoint. The
// lease's owner and epoch can still be read.
func (d *Driver) DamageLease(key string) {
	d.Edit(key, func(c *driver.Cell) { c.Lease.Err = driver.DamagedLease("it was damaged on purpose") })
}

// Edit lets f change the cell of key, in one step and without any rule. It is for tests
// that need a state that no call makes, or that break a rule.
func (d *Driver) Edit(key string, f func(*driver.Cell)) {
	d.EditTraced(key, func(c *driver.Cell) Trace {
		f(c)
		return Trace{}
	})
}

// A Trace is what a change leaves besides the cell. If a field is nil, the change leaves none.
type Trace struct {
	Entry  *driver.AuditEntry
	Sample *driver.Sample
}

// EditTraced is Edit, and stores the trace that f returns in the same step.
func (d *Driver) EditTraced(key string, f func(*driver.Cell) Trace) {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := driver.Cell(*d.cell(key))
	trace := f(&c)
	d.store(cell.Cell(c), trace)
}

// Forget removes the audit entries and the samples of key, for tests that break a rule.
func (d *Driver) Forget(key string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.forget(key)
}

// begin locks d for one step of a call, unless the call must fail.
func (d *Driver) begin(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	d.mu.Lock()
	if d.failure != nil {
		defer d.mu.Unlock()
		return d.failure
	}
	return nil
}

// cell never returns nil. A cell is in the map only if it holds something.
func (d *Driver) cell(key string) *cell.Cell {
	if c, ok := d.cells[key]; ok {
		return c
	}
	return &cell.Cell{Key: key}
}

// store puts c into the map, and the entry of the change, if any, beside it.
func (d *Driver) store(c cell.Cell, trace Trace) {
	stored := d.cell(c.Key)
	before := *stored
	*stored = c
	d.changed(&before, stored, trace)
}

// changed keeps c, which the method cell has returned and which has changed since. It
// removes an empty cell from the map. If c has no lease any more, it wakes who waits for
// one.
func (d *Driver) changed(before, c *cell.Cell, trace Trace) {
	if trace.Entry != nil {
		d.note(c.Key, *trace.Entry)
	}
	if trace.Sample != nil {
		d.samples[c.Key] = cell.KeepSample(d.samples[c.Key], *trace.Sample)
	}
	if leased(before) && !leased(c) {
		d.waiters.Wake(c.Key)
	}
	switch was := (*driver.Cell)(before).Holds(); {
	case !(*driver.Cell)(c).Holds():
		delete(d.cells, c.Key)
	case !was:
		d.cells[c.Key] = c
	}
}

// leased reports whether c has a lease that no epoch has ended.
func leased(c *cell.Cell) bool {
	return c.Lease.Exists() && (c.Lease.Epoch == 0 || c.Lease.Epoch >= c.Fence.Epoch)
}

// Get implements [driver.Driver].
func (d *Driver) Get(ctx context.Context, keys []string) ([]driver.Record, error) {
	if err := d.begin(ctx); err != nil {
		return nil, err
	}
	defer d.mu.Unlock()
	var now time.Time
	records := cut(&d.records, len(keys))
	for i, key := range keys {
		c := d.cell(key)
		if now.IsZero() && !c.Checkpoint.ExpiresAt.IsZero() {
			now = time.Now()
		}
		records[i] = c.Record(now)
	}
	return records, nil
}

// Write implements [driver.Driver].
func (d *Driver) Write(ctx context.Context, writes []driver.Write) ([]driver.Result, error) {
	if err := d.begin(ctx); err != nil {
		return slices.Repeat([]driver.Result{{Outcome: driver.Failed, Err: err}}, len(writes)), nil
	}
	defer d.mu.Unlock()
	var now time.Time
	results := cut(&d.results, len(writes))
	for i := range writes {
		c := d.cell(writes[i].Key)
		if c.Usual(&writes[i]) {
			results[i] = c.Change(&writes[i], now)
			continue
		}
		if now.IsZero() {
			now = time.Now()
		}
		before := *c
		r := c.Change(&writes[i], now)
		trace := Trace{Entry: cell.WriteEntry(&before, c, &writes[i], r, now)}
		if sample, ok := cell.WriteSample(&before, &writes[i], r, now); ok {
			trace.Sample = new(sample)
		}
		d.changed(&before, c, trace)
		results[i] = r
	}
	return results, nil
}

// cut cuts n values from a larger slice, so that few calls allocate.
func cut[T any](spare *[]T, n int) []T {
	const ahead = 64
	if n > len(*spare) {
		*spare = make([]T, max(n, ahead))
	}
	values := (*spare)[:n:n]
	*spare = (*spare)[n:]
	return values
}

// Delete implements [driver.Driver].
func (d *Driver) Delete(ctx context.Context, keys []string) (int, error) {
	if err := d.begin(ctx); err != nil {
		return 0, err
	}
	defer d.mu.Unlock()
	now, n := time.Now(), 0
	for _, key := range keys {
		before := *d.cell(key)
		if c, there := before.Delete(now); there {
			d.store(c, Trace{Entry: cell.DeleteEntry(before, c, true, driver.ByOf(ctx), now)})
			n++
		}
	}
	return n, nil
}

// Scan implements [driver.Driver]. It walks the keys that are there when the
// loop begins, in order.
func (d *Driver) Scan(ctx context.Context, pattern string, pageSize int) iter.Seq2[[]string, error] {
	return pages(ctx, d, pattern, pageSize, func(c *cell.Cell, now time.Time) (string, bool) {
		return c.Key, c.Visible(now).Checkpoint.Exists
	})
}

// pages calls pick for each cell that matches pattern, and yields the items that pick
// returns with true.
func pages[T any](
	ctx context.Context, d *Driver, pattern string, pageSize int, pick func(*cell.Cell, time.Time) (T, bool),
) iter.Seq2[[]T, error] {
	ready := func() error {
		if err := d.begin(ctx); err != nil {
			return err
		}
		d.mu.Unlock()
		return nil
	}
	return driver.Pages(pageSize, ready, func() ([]T, error) {
		if err := d.begin(ctx); err != nil {
			return nil, err
		}
		defer d.mu.Unlock()
		var keys []string
		for key := range d.cells {
			if driver.MatchPattern(pattern, key) {
				keys = append(keys, key)
			}
		}
		slices.Sort(keys)
		now := time.Now()
		var items []T
		for _, key := range keys {
			if item, ok := pick(d.cells[key], now); ok {
				items = append(items, item)
			}
		}
		return items, nil
	})
}
