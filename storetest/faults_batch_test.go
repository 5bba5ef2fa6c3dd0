package storetest_test

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/checkpointstore/checkpoint/cell"
	"github.com/checkpointstore/checkpoint/driver"
)

var errBroken = errors.New("broken on purpose")

var readFaults = []fault{
	{
		"leaves missing keys out of the records",
		[]string{"get/missing", "get/many", "touch/missing"},
		func(f *faulty) {
			f.reads(func(_ []string, records []driver.Record) []driver.Record {
				return slices.DeleteFunc(records, isMissing)
			})
		},
	},
	{
		"answers a key that is given twice once",
		[]string{"get/many"},
		func(f *faulty) {
			f.reads(func(_ []string, records []driver.Record) []driver.Record {
				seen := make(map[string]bool)
				return slices.DeleteFunc(records, func(r driver.Record) bool {
					twice := seen[r.Key]
					seen[r.Key] = true
					return twice
				})
			})
		},
	},
	{
		"sorts the records by key",
		[]string{"get/many"},
		func(f *faulty) {
			f.reads(func(_ []string, records []driver.Record) []driver.Record {
				slices.SortFunc(records, func(a, b driver.Record) int { return cmp.Compare(a.Key, b.Key) })
				return records
			})
		},
	},
	{
		"fails with no keys",
		[]string{"get/none"},
		func(f *faulty) {
			before := f.get
			f.get = func(ctx context.Context, keys []string) ([]driver.Record, error) {
				if len(keys) == 0 {
					return nil, errBroken
				}
				return before(ctx, keys)
			}
		},
	},
	{
		"fails with more than a thousand keys",
		[]string{"batch/thousands"},
		func(f *faulty) {
			before := f.get
			f.get = func(ctx context.Context, keys []string) ([]driver.Record, error) {
				if len(keys) > 1000 {
					return nil, errBroken
				}
				return before(ctx, keys)
			}
		},
	},
	{
		"takes an error for a missing key",
		[]string{"delete/missing"},
		func(f *faulty) {
			before := f.remove
			f.remove = func(ctx context.Context, keys []string) (int, error) {
				for _, key := range keys {
					if isMissing(f.stored(key)) {
						return 0, driver.ErrNotFound
					}
				}
				return before(ctx, keys)
			}
		},
	},
	{
		"deletes the first key alone",
		[]string{"delete/removes", "batch/thousands"},
		func(f *faulty) {
			before := f.remove
			f.remove = func(ctx context.Context, keys []string) (int, error) {
				return before(ctx, keys[:min(1, len(keys))])
			}
		},
	},
	{
		"compares with what was deleted",
		[]string{"delete/then-write"},
		func(f *faulty) {
			dead := make(map[string]driver.Position)
			removing(func(c *cell.Cell) { dead[c.Key] = c.Checkpoint.Position })(f)
			refused(func(c cell.Cell, w driver.Write) (driver.Result, bool) {
				older := w.Position.Compare(dead[w.Key]) < 0
				return driver.Result{Outcome: driver.Stale}, w.Mode == driver.IfNewer && !c.Checkpoint.Exists && older
			})(f)
		},
	},
}

var batchFaults = []fault{
	{
		"orders the results by key",
		[]string{"batch/order", "slices/given"},
		func(f *faulty) {
			before := f.write
			f.write = func(ctx context.Context, writes []driver.Write) ([]driver.Result, error) {
				slices.SortStableFunc(writes, func(a, b driver.Write) int { return cmp.Compare(a.Key, b.Key) })
				return before(ctx, writes)
			}
		},
	},
	{
		"applies a batch from its end",
		[]string{"batch/same-key", "position/order"},
		func(f *faulty) {
			before := f.write
			f.write = func(ctx context.Context, writes []driver.Write) ([]driver.Result, error) {
				writes = slices.Clone(writes)
				slices.Reverse(writes)
				results, err := before(ctx, writes)
				slices.Reverse(results)
				return results, err
			}
		},
	},
	{
		"applies the last write to a key alone",
		[]string{"batch/same-key"},
		func(f *faulty) {
			before := f.write
			f.write = func(ctx context.Context, writes []driver.Write) ([]driver.Result, error) {
				last := make(map[string]int)
				var kept []driver.Write
				for _, w := range writes {
					if i, ok := last[w.Key]; ok {
						kept[i] = w
						continue
					}
					last[w.Key] = len(kept)
					kept = append(kept, w)
				}
				results, err := before(ctx, kept)
				all := make([]driver.Result, len(writes))
				for i, w := range writes {
					if err == nil {
						all[i] = results[last[w.Key]]
					}
				}
				return all, err
			}
		},
	},
	{
		"stops a batch at the first write that is refused",
		[]string{"batch/one-fails", "batch/order", "damage/batch"},
		func(f *faulty) {
			before := f.write
			f.write = func(ctx context.Context, writes []driver.Write) ([]driver.Result, error) {
				results := make([]driver.Result, len(writes))
				stopped := false
				for i := range writes {
					results[i] = failed(errBroken)
					if !stopped {
						one, err := before(ctx, writes[i:i+1])
						if err != nil {
							return nil, err
						}
						results[i] = one[0]
						stopped = one[0].Outcome == driver.Failed || one[0].Outcome == driver.Fenced
					}
				}
				return results, nil
			}
		},
	},
}

var sliceFaults = []fault{
	{
		"writes later, from the slice that it was given",
		[]string{"slices/given"},
		func(f *faulty) {
			var kept []driver.Write
			write, get := f.write, f.get
			f.write = func(ctx context.Context, writes []driver.Write) ([]driver.Result, error) {
				kept = writes
				return write(ctx, writes)
			}
			f.get = func(ctx context.Context, keys []string) ([]driver.Record, error) {
				for _, w := range kept {
					w.Mode = driver.Set
					if _, err := write(ctx, []driver.Write{w}); err != nil {
						return nil, err
					}
				}
				return get(ctx, keys)
			}
			f.remove = func(ctx context.Context, keys []string) (int, error) {
				kept = nil
				return f.mem.Delete(ctx, keys)
			}
		},
	},
	{
		"sorts the keys that it was given",
		[]string{"slices/given"},
		func(f *faulty) {
			before := f.get
			f.get = func(ctx context.Context, keys []string) ([]driver.Record, error) {
				slices.Sort(keys)
				return before(ctx, keys)
			}
		},
	},
	{
		"uses the slice of results again",
		[]string{"slices/returned"},
		func(f *faulty) {
			var buffer []driver.Result
			before := f.write
			f.write = func(ctx context.Context, writes []driver.Write) ([]driver.Result, error) {
				results, err := before(ctx, writes)
				buffer = append(buffer[:0], results...)
				return buffer, err
			}
		},
	},
	{
		"uses the slice of records again",
		[]string{"slices/returned"},
		func(f *faulty) {
			buffer := make([]driver.Record, 10)
			f.reads(func(_ []string, records []driver.Record) []driver.Record {
				return buffer[:copy(buffer, records)]
			})
		},
	},
	{
		"uses the slice of a page again",
		[]string{"slices/pages"},
		func(f *faulty) {
			buffer := make([]string, 1000)
			f.pairs(func(page []string, err error) ([]string, error, bool) {
				if err != nil {
					return nil, err, true
				}
				return buffer[:copy(buffer, page)], nil, true
			})
		},
	},
	{
		"goes on from the last key of a page after the loop had it",
		[]string{"slices/pages"},
		func(f *faulty) {
			f.continues(func(keys, page []string, _ int) int {
				next, found := slices.BinarySearch(keys, page[len(page)-1])
				if found {
					next++
				}
				return next
			})
		},
	},
}
