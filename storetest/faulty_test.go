package storetest_test

import (
	"context"
	"errors"
	"iter"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/memstore"
	"github.com/checkpointstore/checkpoint/storetest"
)

// A fault is a way in which a driver is broken.
type fault struct {
	name   string
	caught []string // the cases that must fail for it
	plant  func(*faulty)
}

// faulty is a driver over a memstore, sound until a fault replaces some of its
// functions. Each has a Close of its own, as drivers of several processes do.
type faulty struct {
	mem    *memstore.Driver
	closed atomic.Bool

	get         func(context.Context, []string) ([]driver.Record, error)
	write       func(context.Context, []driver.Write) ([]driver.Result, error)
	remove      func(context.Context, []string) (int, error)
	scan        func(context.Context, string, int) iter.Seq2[[]string, error]
	scanRecords func(context.Context, string, int) iter.Seq2[[]driver.Record, error]
	shut        func() error
	leaseCalls
}

func newFaulty(mem *memstore.Driver, plant func(*faulty)) *faulty {
	f := &faulty{mem: mem, get: mem.Get, write: mem.Write, remove: mem.Delete, scan: mem.Scan}
	f.scanRecords = func(ctx context.Context, pattern string, size int) iter.Seq2[[]driver.Record, error] {
		return driver.ScanRecords(ctx, struct{ driver.Driver }{f}, pattern, size)
	}
	f.shut = func() error {
		f.closed.Store(true)
		return nil
	}
	f.leaseCalls = soundLeases(mem)
	plant(f)
	return f
}

func (f *faulty) Get(ctx context.Context, keys []string) ([]driver.Record, error) {
	if f.closed.Load() {
		return nil, driver.ErrClosed
	}
	return f.get(ctx, keys)
}

func (f *faulty) Write(ctx context.Context, writes []driver.Write) ([]driver.Result, error) {
	if f.closed.Load() {
		return nil, driver.ErrClosed
	}
	return f.write(ctx, writes)
}

func (f *faulty) Delete(ctx context.Context, keys []string) (int, error) {
	if f.closed.Load() {
		return 0, driver.ErrClosed
	}
	return f.remove(ctx, keys)
}

func (f *faulty) Scan(ctx context.Context, pattern string, size int) iter.Seq2[[]string, error] {
	return untilClosed(f, f.scan(ctx, pattern, size))
}

func (f *faulty) ScanRecords(ctx context.Context, pattern string, size int) iter.Seq2[[]driver.Record, error] {
	return untilClosed(f, f.scanRecords(ctx, pattern, size))
}

func (f *faulty) Close() error { return f.shut() }

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
		Damage: func(_ testing.TB, d driver.Driver, key string) { d.(*faulty).mem.Damage(key) },
		Outage: func(_ testing.TB, d driver.Driver) (restore func()) {
			mem := d.(*faulty).mem
			mem.Fail(errOutage)
			return func() { mem.Fail(nil) }
		},
	}
}

var errOutage = errors.New("the engine is away")

// What follows helps to plant faults.

// stored is what is at key.
func (f *faulty) stored(key string) driver.Record {
	records, err := f.mem.Get(context.Background(), []string{key})
	if err != nil {
		return driver.Record{Key: key, Err: err}
	}
	return records[0]
}

// A step applies one write soundly.
type step func(driver.Write) driver.Result

// eachWrite has instead do each write of a batch, one at a time.
func (f *faulty) eachWrite(instead func(w driver.Write, apply step) driver.Result) {
	var mu sync.Mutex
	f.unguarded(func(w driver.Write, apply step) driver.Result {
		mu.Lock()
		defer mu.Unlock()
		return instead(w, apply)
	})
}

// unguarded is eachWrite, for several at once.
func (f *faulty) unguarded(instead func(w driver.Write, apply step) driver.Result) {
	before := f.write
	f.write = func(ctx context.Context, writes []driver.Write) ([]driver.Result, error) {
		apply := func(w driver.Write) driver.Result {
			results, err := before(ctx, []driver.Write{w})
			if err != nil {
				return driver.Result{Err: err}
			}
			return results[0]
		}
		results := make([]driver.Result, len(writes))
		for i, w := range writes {
			results[i] = instead(w, apply)
		}
		return results, nil
	}
}

// given changes each write before it is applied.
func (f *faulty) given(change func(*driver.Write)) {
	f.eachWrite(func(w driver.Write, apply step) driver.Result {
		change(&w)
		return apply(w)
	})
}

// answered changes each result.
func (f *faulty) answered(change func(driver.Write, *driver.Result)) {
	f.eachWrite(func(w driver.Write, apply step) driver.Result {
		r := apply(w)
		change(w, &r)
		return r
	})
}

// found changes each record that Get returns.
func (f *faulty) found(change func(*driver.Record)) {
	before := f.get
	f.get = func(ctx context.Context, keys []string) ([]driver.Record, error) {
		records, err := before(ctx, keys)
		for i := range records {
			change(&records[i])
		}
		return records, err
	}
}

// listed changes the keys that a scan finds, before they are cut into pages.
func (f *faulty) listed(change func(pattern string, keys []string) []string) {
	before := f.scan
	f.scan = func(ctx context.Context, pattern string, size int) iter.Seq2[[]string, error] {
		return func(yield func([]string, error) bool) {
			var keys []string
			for page, err := range before(ctx, pattern, 1000) {
				if err != nil {
					yield(nil, err)
					return
				}
				keys = append(keys, page...)
			}
			for page := range slices.Chunk(change(pattern, keys), size) {
				if ctx.Err() != nil {
					yield(nil, context.Cause(ctx))
					return
				}
				if !yield(page, nil) {
					return
				}
			}
		}
	}
}

// pairs changes each pair that a scan yields; none is yielded where ok is false.
func (f *faulty) pairs(change func(page []string, err error) (_ []string, _ error, ok bool)) {
	before := f.scan
	f.scan = func(ctx context.Context, pattern string, size int) iter.Seq2[[]string, error] {
		return func(yield func([]string, error) bool) {
			for page, err := range before(ctx, pattern, size) {
				page, err, ok := change(page, err)
				if ok && !yield(page, err) {
					return
				}
			}
		}
	}
}

func isMissing(r driver.Record) bool { return errors.Is(r.Err, driver.ErrNotFound) }

func isDamaged(r driver.Record) bool { return errors.Is(r.Err, driver.ErrCorrupt) }

func failed(err error) driver.Result { return driver.Result{Outcome: driver.Failed, Err: err} }

func left(r driver.Record) time.Duration { return time.Until(r.ExpiresAt).Truncate(time.Millisecond) }
