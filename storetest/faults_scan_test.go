package storetest_test

import (
	"context"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cell"
	"github.com/checkpointstore/checkpoint/driver"
)

var keyFaults = []fault{
	{
		"does not mind the case of keys",
		[]string{"keys/apart", "fence/of-its-key-alone"},
		func(f *faulty) { f.renames(strings.ToLower) },
	},
	{
		"trims spaces from keys",
		[]string{"keys/apart", "keys/delete-one"},
		func(f *faulty) { f.renames(strings.TrimSpace) },
	},
	{
		"cuts keys at 511 bytes",
		[]string{"keys/apart"},
		func(f *faulty) { f.renames(func(key string) string { return key[:min(511, len(key))] }) },
	},
	{
		"takes é for e and a mark",
		[]string{"keys/apart"},
		func(f *faulty) {
			f.renames(func(key string) string { return strings.ReplaceAll(key, "e\u0301", "é") })
		},
	},
	{
		"takes the key for a pattern in Delete",
		[]string{"keys/delete-one"},
		func(f *faulty) {
			before := f.remove
			f.remove = func(ctx context.Context, keys []string) (int, error) {
				total := 0
				for _, key := range keys {
					for page, err := range f.mem.Scan(ctx, key, 1000) {
						if err != nil {
							return total, err
						}
						n, err := before(ctx, page)
						if total += n; err != nil {
							return total, err
						}
					}
				}
				return total, nil
			}
		},
	},
	{
		"reads no backslash in patterns",
		[]string{"keys/literal-pattern", "pattern/as-the-matcher", "pattern/records"},
		func(f *faulty) {
			f.searches(func(pattern string) string { return strings.ReplaceAll(pattern, `\`, ``) })
		},
	},
}

// renames stores every key under another name, and answers with that of the
// caller where it knows it.
func (f *faulty) renames(rename func(string) string) {
	get, write, remove := f.get, f.write, f.remove
	f.write = func(ctx context.Context, writes []driver.Write) ([]driver.Result, error) {
		writes = slices.Clone(writes)
		for i := range writes {
			writes[i].Key = rename(writes[i].Key)
		}
		return write(ctx, writes)
	}
	f.get = func(ctx context.Context, keys []string) ([]driver.Record, error) {
		renamed := make([]string, len(keys))
		for i, key := range keys {
			renamed[i] = rename(key)
		}
		records, err := get(ctx, renamed)
		for i := range records {
			records[i].Key = keys[i]
		}
		return records, err
	}
	f.remove = func(ctx context.Context, keys []string) (int, error) {
		renamed := make([]string, len(keys))
		for i, key := range keys {
			renamed[i] = rename(key)
		}
		return remove(ctx, renamed)
	}
}

// searches scans for another pattern.
func (f *faulty) searches(change func(pattern string) string) {
	before := f.scan
	f.scan = func(ctx context.Context, pattern string, size int) iter.Seq2[[]string, error] {
		return before(ctx, change(pattern), size)
	}
}

var scanFaults = []fault{
	{
		"lists a key twice",
		[]string{"scan/exactly-once", "pattern/as-the-matcher"},
		func(f *faulty) {
			f.listed(func(_ string, keys []string) []string { return append(keys, keys[:min(1, len(keys))]...) })
		},
	},
	{
		"leaves a key out",
		[]string{"scan/exactly-once", "keys/apart", "store/get-all"},
		func(f *faulty) {
			f.listed(func(_ string, keys []string) []string { return keys[min(1, len(keys)):] })
		},
	},
	{
		"leaves the last page out if it is not full",
		[]string{"scan/exactly-once"},
		func(f *faulty) {
			before := f.scan
			f.scan = func(ctx context.Context, pattern string, size int) iter.Seq2[[]string, error] {
				return func(yield func([]string, error) bool) {
					for page, err := range before(ctx, pattern, size) {
						if err == nil && len(page) < size || !yield(page, err) {
							return
						}
					}
				}
			}
		},
	},
	{
		"yields all keys as one page",
		[]string{"scan/pages"},
		func(f *faulty) {
			before := f.scan
			f.scan = func(ctx context.Context, pattern string, _ int) iter.Seq2[[]string, error] {
				return before(ctx, pattern, 1_000_000)
			}
		},
	},
	{
		"counts pages from the start while keys come and go",
		[]string{"scan/while-keys-change", "scan/delete-in-the-loop"},
		func(f *faulty) {
			f.continues(func(_, page []string, offset int) int { return offset + len(page) })
		},
	},
	{
		"has an error where nothing matches",
		[]string{"scan/empty"},
		func(f *faulty) {
			before := f.scan
			f.scan = func(ctx context.Context, pattern string, size int) iter.Seq2[[]string, error] {
				return func(yield func([]string, error) bool) {
					pages := 0
					for page, err := range before(ctx, pattern, size) {
						if pages++; !yield(page, err) {
							return
						}
					}
					if pages == 0 {
						yield(nil, driver.ErrNotFound)
					}
				}
			}
		},
	},
	{
		"lists fences",
		[]string{"scan/checkpoints-alone", "store/clear"},
		func(f *faulty) {
			fences := make(map[string]bool)
			given(func(_ *cell.Cell, w *driver.Write) {
				if w.Epoch != 0 {
					fences[w.Key] = true
				}
			})(f)
			f.listed(func(pattern string, keys []string) []string {
				for key := range fences {
					if name := key + ":fence"; checkpoint.MatchPattern(pattern, name) {
						keys = append(keys, name)
					}
				}
				return keys
			})
		},
	},
	{
		"holds its lock while the loop runs",
		[]string{"scan/delete-in-the-loop", "scan/while-keys-change", "scan/nested"},
		func(f *faulty) { f.locks() },
	},
	{
		"loses a connection to each loop that is broken off",
		[]string{"scan/break"},
		func(f *faulty) {
			connections := 10
			before := f.scan
			f.scan = func(ctx context.Context, pattern string, size int) iter.Seq2[[]string, error] {
				return func(yield func([]string, error) bool) {
					if connections == 0 {
						yield(nil, errBroken)
						return
					}
					connections--
					for page, err := range before(ctx, pattern, size) {
						if !yield(page, err) {
							return
						}
					}
					connections++
				}
			}
		},
	},
	{
		"tells a loop that has stopped that the context has ended",
		[]string{"scan/break"},
		func(f *faulty) {
			f.scan = func(ctx context.Context, pattern string, size int) iter.Seq2[[]string, error] {
				return func(yield func([]string, error) bool) {
					f.mem.Scan(ctx, pattern, size)(yield)
					if ctx.Err() != nil {
						yield(nil, ctx.Err())
					}
				}
			}
		},
	},
	{
		"takes a pattern for a prefix",
		[]string{"pattern/whole-key", "pattern/as-the-matcher"},
		func(f *faulty) { f.searches(func(pattern string) string { return pattern + "*" }) },
	},
	{
		"does not mind the case of patterns",
		[]string{"pattern/whole-key", "pattern/as-the-matcher"},
		func(f *faulty) {
			f.scan = func(ctx context.Context, pattern string, size int) iter.Seq2[[]string, error] {
				return f.mem.Scan(ctx, "*", size)
			}
			f.listed(func(pattern string, keys []string) []string {
				return slices.DeleteFunc(keys, func(key string) bool {
					return !checkpoint.MatchPattern(strings.ToLower(pattern), strings.ToLower(key))
				})
			})
		},
	},
}

// continues scans page by page, and asks next at which of the keys that are
// there by then the next page begins.
func (f *faulty) continues(next func(keys, page []string, offset int) int) {
	f.scan = func(ctx context.Context, pattern string, size int) iter.Seq2[[]string, error] {
		return func(yield func([]string, error) bool) {
			for offset := 0; ; {
				var keys []string
				for page, err := range f.mem.Scan(ctx, pattern, 1000) {
					if err != nil {
						yield(nil, err)
						return
					}
					keys = append(keys, page...)
				}
				if offset >= len(keys) {
					return
				}
				page := slices.Clone(keys[offset:min(offset+size, len(keys))])
				if !yield(page, nil) {
					return
				}
				offset = next(keys, page, offset)
			}
		}
	}
}

// locks has every method wait for a scan that is under way, for a day at most.
func (f *faulty) locks() {
	lock := make(chan struct{}, 1)
	enter := func() error {
		select {
		case lock <- struct{}{}:
			return nil
		case <-time.After(24 * time.Hour):
			return errBroken
		}
	}
	scan, write, remove := f.scan, f.write, f.remove
	f.scan = func(ctx context.Context, pattern string, size int) iter.Seq2[[]string, error] {
		return func(yield func([]string, error) bool) {
			if err := enter(); err != nil {
				yield(nil, err)
				return
			}
			defer func() { <-lock }()
			scan(ctx, pattern, size)(yield)
		}
	}
	f.write = func(ctx context.Context, writes []driver.Write) ([]driver.Result, error) {
		if err := enter(); err != nil {
			return nil, err
		}
		defer func() { <-lock }()
		return write(ctx, writes)
	}
	f.remove = func(ctx context.Context, keys []string) (int, error) {
		if err := enter(); err != nil {
			return 0, err
		}
		defer func() { <-lock }()
		return remove(ctx, keys)
	}
}

var recordFaults = []fault{
	{
		"leaves the epoch out of scanned records",
		[]string{"scan/records"},
		scans(func(r *driver.Record) { r.Epoch = 0 }),
	},
	{
		"leaves the key out of scanned records",
		[]string{"scan/records", "store/get-all"},
		scans(func(r *driver.Record) { r.Key = "" }),
	},
	{
		"scans the records of all keys",
		[]string{"scan/empty", "scan/records", "pattern/records", "store/get-all"},
		func(f *faulty) {
			before := f.scanRecords
			f.scanRecords = func(ctx context.Context, _ string, size int) iter.Seq2[[]driver.Record, error] {
				return before(ctx, "*", size)
			}
		},
	},
}
