package storetest_test

import (
	"context"
	"errors"
	"iter"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint/cell"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/memstore"
	"github.com/checkpointstore/checkpoint/storetest"
)

// A fault is a way in which a driver is broken: either a rule of package cell is
// another (mutant_test.go), or one of the driver's calls is.
type fault struct {
	name   string
	caught []string // the cases that must fail for it
	plant  func(*faulty)
}

// faulty is a driver over the cells of a memstore, sound until a fault replaces
// some of its rules or calls. Each has a Close of its own, as drivers of several
// processes do.
type faulty struct {
	mem    *memstore.Driver
	closed atomic.Bool
	life   context.Context // ends at Close
	end    context.CancelFunc
	rule   rules
	unit   [2]time.Duration // the unit and the minimum of a driver that counts coarsely

	get           func(context.Context, []string) ([]driver.Record, error)
	write         func(context.Context, []driver.Write) ([]driver.Result, error)
	remove        func(context.Context, []string) (int, error)
	scan          func(context.Context, string, int) iter.Seq2[[]string, error]
	scanRecords   func(context.Context, string, int) iter.Seq2[[]driver.Record, error]
	leaseEnds     func(context.Context, []string) (<-chan struct{}, error)
	leases        func(context.Context, []driver.Lease, leaseRule) ([]driver.LeaseResult, error)
	inspect       func(context.Context, []string) ([]driver.Cell, error)
	scanCells     func(context.Context, string, int) iter.Seq2[[]driver.Cell, error]
	raiseFence    func(context.Context, string, uint64) (uint64, error)
	releaseFences func(context.Context, []string, time.Duration) (int, error)
	forgetAudit   func(key string)
	history       func(context.Context, string, int) ([]driver.AuditEntry, error)
	shut          func() error
}

func newFaulty(mem *memstore.Driver, plant func(*faulty)) *faulty {
	f := &faulty{mem: mem, rule: soundRules, scan: mem.Scan, unit: [2]time.Duration{time.Millisecond, time.Millisecond}}
	f.life, f.end = context.WithCancel(context.Background())
	f.leaseEnds = func(ctx context.Context, keys []string) (<-chan struct{}, error) {
		ctx, cancel := context.WithCancel(ctx)
		context.AfterFunc(f.life, cancel)
		return mem.LeaseEnds(ctx, keys)
	}
	f.get = func(ctx context.Context, keys []string) ([]driver.Record, error) {
		return each(ctx, f, keys, itself, nil, func(c cell.Cell, _ string, now time.Time) (cell.Cell, driver.Record) {
			return c, f.rule.record(c, now)
		})
	}
	f.write = func(ctx context.Context, writes []driver.Write) ([]driver.Result, error) {
		results, err := each(ctx, f, writes, func(w driver.Write) string { return w.Key }, f.rule.writeEntry, f.rule.write)
		if err != nil {
			return slices.Repeat([]driver.Result{failed(err)}, len(writes)), nil
		}
		return results, nil
	}
	f.remove = func(ctx context.Context, keys []string) (int, error) {
		entry := func(before, after cell.Cell, _ string, deleted bool, now time.Time) *driver.AuditEntry {
			return f.rule.deleteEntry(before, after, deleted, driver.ByOf(ctx), now)
		}
		return count(each(ctx, f, keys, itself, entry, func(c cell.Cell, _ string, now time.Time) (cell.Cell, bool) {
			return f.rule.remove(c, now)
		}))
	}
	f.scanRecords = func(ctx context.Context, pattern string, size int) iter.Seq2[[]driver.Record, error] {
		return driver.ScanRecords(ctx, struct{ driver.Driver }{f}, pattern, size)
	}
	f.leases = func(ctx context.Context, leases []driver.Lease, rule leaseRule) ([]driver.LeaseResult, error) {
		entry := func(before, after cell.Cell, _ driver.Lease, r driver.LeaseResult, now time.Time) *driver.AuditEntry {
			if before.Fence == after.Fence {
				return nil // it is no Acquire
			}
			return f.rule.acquireEntry(before, after, r, now)
		}
		return each(ctx, f, leases, func(l driver.Lease) string { return l.Key }, entry, rule)
	}
	f.inspect = func(ctx context.Context, keys []string) ([]driver.Cell, error) {
		return each(ctx, f, keys, itself, nil, func(c cell.Cell, _ string, now time.Time) (cell.Cell, driver.Cell) {
			return c, f.rule.visible(c, now)
		})
	}
	f.scanCells = func(ctx context.Context, pattern string, size int) iter.Seq2[[]driver.Cell, error] {
		return changed(mem.ScanCells(ctx, pattern, size), func(c *driver.Cell) { *c = f.rule.visible(cell.Cell(*c), time.Now()) })
	}
	f.raiseFence = func(ctx context.Context, key string, atLeast uint64) (uint64, error) {
		type raised struct {
			fence uint64
			err   error
		}
		entry := func(before, after cell.Cell, _ string, _ raised, now time.Time) *driver.AuditEntry {
			return f.rule.raiseEntry(before, after, atLeast, driver.ByOf(ctx), now)
		}
		results, err := each(ctx, f, []string{key}, itself, entry, func(c cell.Cell, _ string, now time.Time) (cell.Cell, raised) {
			c, fence, err := f.rule.raise(c, atLeast, now)
			return c, raised{fence, err}
		})
		if err != nil {
			return 0, err
		}
		return results[0].fence, results[0].err
	}
	f.releaseFences = func(ctx context.Context, keys []string, idle time.Duration) (int, error) {
		released, err := each(ctx, f, keys, itself, nil, func(c cell.Cell, _ string, now time.Time) (cell.Cell, bool) {
			return f.rule.forget(c, idle, now)
		})
		for i, key := range keys {
			if err == nil && released[i] {
				f.forgetAudit(key)
			}
		}
		return count(released, err)
	}
	f.forgetAudit = mem.ForgetAudit
	f.history = mem.History
	f.shut = func() error {
		f.closed.Store(true)
		f.end()
		return nil
	}
	plant(f)
	return f
}

func itself(key string) string { return key }

// each has decide change the cell of each item's key, in one step, unless the
// engine fails. The change leaves the audit entry that entry returns.
func each[In, Out any](
	ctx context.Context, f *faulty, items []In, key func(In) string,
	entry func(before, after cell.Cell, item In, answer Out, now time.Time) *driver.AuditEntry,
	decide func(cell.Cell, In, time.Time) (cell.Cell, Out),
) ([]Out, error) {
	if _, err := f.mem.Get(ctx, nil); err != nil {
		return nil, err
	}
	answers := make([]Out, len(items))
	for i, item := range items {
		f.mem.EditAudited(key(item), func(c *driver.Cell) *driver.AuditEntry {
			before, now := cell.Cell(*c), time.Now()
			after, answer := decide(before, item, now)
			*c, answers[i] = driver.Cell(after), answer
			if entry == nil {
				return nil
			}
			return entry(before, after, item, answer, now)
		})
	}
	return answers, nil
}

func count(done []bool, err error) (n int, _ error) {
	for _, ok := range done {
		if ok {
			n++
		}
	}
	return n, err
}

func (f *faulty) Get(ctx context.Context, keys []string) ([]driver.Record, error) {
	return open(f, func() ([]driver.Record, error) { return f.get(ctx, keys) })
}

func (f *faulty) Write(ctx context.Context, writes []driver.Write) ([]driver.Result, error) {
	return open(f, func() ([]driver.Result, error) { return f.write(ctx, writes) })
}

func (f *faulty) Delete(ctx context.Context, keys []string) (int, error) {
	return open(f, func() (int, error) { return f.remove(ctx, keys) })
}

func (f *faulty) Scan(ctx context.Context, pattern string, size int) iter.Seq2[[]string, error] {
	return untilClosed(f, f.scan(ctx, pattern, size))
}

func (f *faulty) ScanRecords(ctx context.Context, pattern string, size int) iter.Seq2[[]driver.Record, error] {
	return untilClosed(f, f.scanRecords(ctx, pattern, size))
}

func (f *faulty) Acquire(ctx context.Context, leases []driver.Lease) ([]driver.LeaseResult, error) {
	return open(f, func() ([]driver.LeaseResult, error) { return f.leases(ctx, leases, f.rule.acquire) })
}

func (f *faulty) Renew(ctx context.Context, leases []driver.Lease) ([]driver.LeaseResult, error) {
	return open(f, func() ([]driver.LeaseResult, error) { return f.leases(ctx, leases, f.rule.renew) })
}

func (f *faulty) Release(ctx context.Context, leases []driver.Lease) ([]driver.LeaseResult, error) {
	return open(f, func() ([]driver.LeaseResult, error) { return f.leases(ctx, leases, f.rule.release) })
}

func (f *faulty) LeaseEnds(ctx context.Context, keys []string) (<-chan struct{}, error) {
	return open(f, func() (<-chan struct{}, error) { return f.leaseEnds(ctx, keys) })
}

func (f *faulty) Inspect(ctx context.Context, keys []string) ([]driver.Cell, error) {
	return open(f, func() ([]driver.Cell, error) { return f.inspect(ctx, keys) })
}

func (f *faulty) ScanCells(ctx context.Context, pattern string, size int) iter.Seq2[[]driver.Cell, error] {
	return untilClosed(f, f.scanCells(ctx, pattern, size))
}

func (f *faulty) RaiseFence(ctx context.Context, key string, atLeast uint64) (uint64, error) {
	return open(f, func() (uint64, error) { return f.raiseFence(ctx, key, atLeast) })
}

func (f *faulty) ReleaseFences(ctx context.Context, keys []string, idle time.Duration) (int, error) {
	return open(f, func() (int, error) { return f.releaseFences(ctx, keys, idle) })
}

func (f *faulty) History(ctx context.Context, key string, n int) ([]driver.AuditEntry, error) {
	return open(f, func() ([]driver.AuditEntry, error) { return f.history(ctx, key, n) })
}

func (f *faulty) TTLUnit() (unit, minimum time.Duration) { return f.unit[0], f.unit[1] }

func (f *faulty) Close() error { return f.shut() }

func open[T any](f *faulty, call func() (T, error)) (answer T, err error) {
	if f.closed.Load() {
		return answer, driver.ErrClosed
	}
	return call()
}

func untilClosed[T any](f *faulty, pages iter.Seq2[[]T, error]) iter.Seq2[[]T, error] {
	return func(yield func([]T, error) bool) {
		for page, err := range pages {
			if f.closed.Load() {
				yield(nil, driver.ErrClosed)
				return
			}
			if !yield(page, err) {
				return
			}
		}
	}
}

// changed changes each item of pages.
func changed[T any](pages iter.Seq2[[]T, error], change func(*T)) iter.Seq2[[]T, error] {
	return func(yield func([]T, error) bool) {
		for page, err := range pages {
			for i := range page {
				change(&page[i])
			}
			if !yield(page, err) {
				return
			}
		}
	}
}

// harness opens drivers with the fault planted.
func harness(plant func(*faulty)) storetest.Harness {
	return storetest.Harness{
		Open: func(tb testing.TB) driver.Driver {
			tb.Helper()
			f := newFaulty(memstore.New(), plant)
			tb.Cleanup(func() { f.Close() })
			return f
		},
		Reopen: func(tb testing.TB, d driver.Driver) driver.Driver {
			tb.Helper()
			f := newFaulty(d.(*faulty).mem, plant)
			tb.Cleanup(func() { f.Close() })
			return f
		},
		Damage:      func(_ testing.TB, d driver.Driver, key string) { d.(*faulty).mem.Damage(key) },
		DamageFence: func(_ testing.TB, d driver.Driver, key string) { d.(*faulty).mem.DamageFence(key) },
		DamageLease: func(_ testing.TB, d driver.Driver, key string) { d.(*faulty).mem.DamageLease(key) },
		Outage: func(_ testing.TB, d driver.Driver) (restore func()) {
			mem := d.(*faulty).mem
			mem.Fail(errOutage)
			return func() { mem.Fail(nil) }
		},
	}
}

var errOutage = errors.New("the engine is away")
