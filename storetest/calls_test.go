package storetest_test

import (
	"context"
	"iter"

	"github.com/checkpointstore/checkpoint/driver"
)

// What follows plants faults in the calls of a driver, beside those of its rules.

// stored is what is at key.
func (f *faulty) stored(key string) driver.Record {
	records, err := f.mem.Get(context.Background(), []string{key})
	if err != nil {
		return driver.Record{Key: key, Err: err}
	}
	return records[0]
}

// reads changes the records that Get returns as a whole.
func (f *faulty) reads(change func([]string, []driver.Record) []driver.Record) {
	before := f.get
	f.get = func(ctx context.Context, keys []string) ([]driver.Record, error) {
		records, err := before(ctx, keys)
		if err != nil {
			return nil, err
		}
		return change(keys, records), nil
	}
}

// answers changes each result of Write, also of one that never came to its rule.
func (f *faulty) answers(change func(driver.Write, *driver.Result)) {
	before := f.write
	f.write = func(ctx context.Context, writes []driver.Write) ([]driver.Result, error) {
		results, err := before(ctx, writes)
		for i := range results {
			change(writes[i], &results[i])
		}
		return results, err
	}
}

// A step applies one write soundly.
type step func(driver.Write) driver.Result

// unguarded has instead do each write of a batch, outside of the step that is
// atomic.
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

// listed changes the keys that a scan finds, before they are cut into pages.
func (f *faulty) listed(change func(pattern string, keys []string) []string) {
	before := f.scan
	f.scan = func(ctx context.Context, pattern string, size int) iter.Seq2[[]string, error] {
		return driver.Pages(size, ctx.Err, func() ([]string, error) {
			var keys []string
			for page, err := range before(ctx, pattern, 1000) {
				if err != nil {
					return nil, err
				}
				keys = append(keys, page...)
			}
			return change(pattern, keys), nil
		})
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

// scans changes each record that ScanRecords yields.
func scans(change func(*driver.Record)) func(*faulty) {
	return func(f *faulty) {
		before := f.scanRecords
		f.scanRecords = func(ctx context.Context, pattern string, size int) iter.Seq2[[]driver.Record, error] {
			return changed(before(ctx, pattern, size), change)
		}
	}
}
