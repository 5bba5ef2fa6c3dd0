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
	readLeases    func(context.Context, []string) ([]driver.StoredLease, error)
	scanCells     func(context.Context, string, int) iter.Seq2[[]driver.Cell, error]
	raiseFence    func(context.Context, string, uint64) (uint64, error)
	releaseFences func(context.Context, []string, time.Duration) (int, error)
	forgetTraces  func(key string)
	history       func(context.Context, string, int) ([]driver.AuditEntry, error)
	samples       func(context.Context, string) ([]driver.Sample, error)
	adopt         func(context.Context, string, []driver.AuditEntry, []driver.Sample) error
	report        func(context.Context, []driver.Report) ([]driver.ReportResult, error)
	reports       func(context.Context, []string) ([][]driver.Report, error)
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
		results, err := each(ctx, f, writes, func(w driver.Write) string { return w.Key }, f.writeTrace, f.rule.write)
		if err != nil {
			return slices.Repeat([]driver.Result{failed(err)}, len(writes)), nil
		}
		return results, nil
	}
	f.remove = func(ctx context.Context, keys []string) (int, error) {
		trace := func(before, after cell.Cell, _ string, deleted bool, now time.Time) memstore.Trace {
			return memstore.Trace{Entry: f.rule.deleteEntry(before, after, deleted, driver.ByOf(ctx), now)}
		}
		return count(each(ctx, f, keys, itself, trace, func(c cell.Cell, _ string, now time.Time) (cell.Cell, bool) {
			return f.rule.remove(c, now)
		}))
	}
	f.scanRecords = func(ctx context.Context, pattern string, size int) iter.Seq2[[]driver.Record, error] {
		return driver.ScanRecords(ctx, struct{ driver.Driver }{f}, pattern, size)
	}
	f.leases = func(ctx context.Context, leases []driver.Lease, rule leaseRule) ([]driver.LeaseResult, error) {
		trace := func(before, after cell.Cell, _ driver.Lease, r driver.LeaseResult, now time.Time) memstore.Trace {
			if before.Fence == after.Fence {
				return memstore.Trace{} // it is no Acquire
			}
			return memstore.Trace{Entry: f.rule.acquireEntry(before, after, r, now)}
		}
		return each(ctx, f, leases, func(l driver.Lease) string { return l.Key }, trace, rule)
	}
	f.inspect = func(ctx context.Context, keys []string) ([]driver.Cell, error) {
		return each(ctx, f, keys, itself, nil, func(c cell.Cell, _ string, now time.Time) (cell.Cell, driver.Cell) {
			return c, f.rule.visible(c, now)
		})
	}
	f.readLeases = func(ctx context.Context, keys []string) ([]driver.StoredLease, error) {
		return driver.LeasesOf(ctx, inspectorOnly{f, f}, keys)
	}
	f.scanCells = func(ctx context.Context, pattern string, size int) iter.Seq2[[]driver.Cell, error] {
		return changed(mem.ScanCells(ctx, pattern, size), func(c *driver.Cell) { *c = f.rule.visible(cell.Cell(*c), time.Now()) })
	}
	f.raiseFence = func(ctx context.Context, key string, atLeast uint64) (uint64, error) {
		type raised struct {
			fence uint64
			err   error
		}
		trace := func(before, after cell.Cell, _ string, _ raised, now time.Time) memstore.Trace {
			return memstore.Trace{Entry: f.rule.raiseEntry(before, after, atLeast, driver.ByOf(ctx), now)}
		}
		results, err := each(ctx, f, []string{key}, itself, trace, func(c cell.Cell, _ string, now time.Time) (cell.Cell, raised) {
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
				f.forgetTraces(key)
			}
		}
		return count(released, err)
	}
	f.forgetTraces = mem.Forget
	f.history = mem.History
	f.samples, f.adopt = mem.Samples, mem.Adopt
	f.report, f.reports = mem.Report, mem.Reports
	f.shut = func() error {
		f.closed.Store(true)
		f.end()
		return nil
	}
	plant(f)
	return f
}

func itself(key string) string { return key }

func (f *faulty) writeTrace(before, after cell.Cell, w driver.Write, r driver.Result, now time.Time) memstore.Trace {
	trace := memstore.Trace{Entry: f.rule.writeEntry(before, after, w, r, now)}
	if sample, ok := f.rule.sample(&before, &w, r, now); ok {
		trace.Sample = &sample
	}
	return trace
}

// each has decide change the cell of each item's key, in one step, unless the
// engine fails. The change leaves what trace returns.
func each[In, Out any](
	ctx context.Context, f *faulty, items []In, key func(In) string,
	trace func(before, after cell.Cell, item In, answer Out, now time.Time) memstore.Trace,
	decide func(cell.Cell, In, time.Time) (cell.Cell, Out),
) ([]Out, error) {
	if _, err := f.mem.Get(ctx, nil); err != nil {
		return nil, err
	}
	answers := make([]Out, len(items))
	for i, item := range items {
		f.mem.EditTraced(key(item), func(c *driver.Cell) memstore.Trace {
			before, now := cell.Cell(*c), time.Now()
			after, answer := decide(before, item, now)
			*c, answers[i] = driver.Cell(after), answer
			if trace == nil {
				return memstore.Trace{}
			}
			return trace(before, after, item, answer, now)
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

// inspectorOnly hides that a driver can read leases alone.
type inspectorOnly struct {
	driver.Driver
	driver.Inspector
}

func (f *faulty) Leases(ctx context.Context, keys []string) ([]driver.StoredLease, error) {
	return open(f, func() ([]driver.StoredLease, error) { return f.readLeases(ctx, keys) })
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

func (f *faulty) Samples(ctx context.Context, key string) ([]driver.Sample, error) {
	return open(f, func() ([]driver.Sample, error) { return f.samples(ctx, key) })
}

func (f *faulty) Adopt(ctx context.Context, key string, entries []driver.AuditEntry, samples []driver.Sample) error {
	_, err := open(f, func() (struct{}, error) { return struct{}{}, f.adopt(ctx, key, entries, samples) })
	return err
}

func (f *faulty) Report(ctx context.Context, reports []driver.Report) ([]driver.ReportResult, error) {
	return open(f, func() ([]driver.ReportResult, error) {
		rounded := slices.Clone(reports)
		for i := range rounded {
			rounded[i].TTL = driver.RoundTTL(f, rounded[i].TTL)
		}
		return f.report(ctx, rounded)
	})
}

func (f *faulty) Reports(ctx context.Context, keys []string) ([][]driver.Report, error) {
	return open(f, func() ([][]driver.Report, error) { return f.reports(ctx, keys) })
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
