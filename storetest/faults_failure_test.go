package storetest_test

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
)

var contextFaults = []fault{
	{
		"ignores the context",
		[]string{"context/ended-before", "context/deadline", "context/ends-in-a-scan"},
		func(f *faulty) {
			f.contexts(context.WithoutCancel)
		},
	},
	{
		"does not give the error of the context",
		[]string{"context/ended-before", "context/ends-in-a-scan"},
		func(f *faulty) {
			f.fails(func(err error) bool { return !errors.Is(err, errOutage) }, func(error) error { return errors.New("it took too long") })
		},
	},
	{
		"answers not found when the context has ended",
		[]string{"context/ended-before", "context/deadline"},
		func(f *faulty) {
			f.fails(func(err error) bool { return !errors.Is(err, errOutage) }, func(error) error { return driver.ErrNotFound })
		},
	},
	{
		"finds nothing in Get when the context ends meanwhile",
		[]string{"store/answer-as-cause"},
		func(f *faulty) {
			before := f.get
			f.get = func(ctx context.Context, keys []string) ([]driver.Record, error) {
				records, err := before(ctx, keys)
				if gap(); ctx.Err() != nil {
					for i := range records {
						records[i] = driver.Record{Key: keys[i], Err: driver.ErrNotFound}
					}
				}
				return records, err
			}
		},
	},
	{
		"says that a write failed which landed",
		[]string{"context/ends-in-a-write"},
		func(f *faulty) {
			before := f.write
			f.write = func(ctx context.Context, writes []driver.Write) ([]driver.Result, error) {
				results, err := before(context.WithoutCancel(ctx), writes)
				if gap(); ctx.Err() != nil {
					for i := range results {
						results[i] = failed(ctx.Err())
					}
				}
				return results, err
			}
		},
	},
	{
		"waits 20 seconds after its context has ended",
		[]string{"context/ended-before", "context/deadline", "context/ends-in-a-scan"},
		func(f *faulty) {
			f.fails(func(err error) bool { return !isOutage(err) }, func(err error) error {
				time.Sleep(20 * time.Second)
				return err
			})
		},
	},
	{
		"waits 20 seconds for an engine that does not answer",
		[]string{"context/ends-in-an-outage", "outage/every-method"},
		func(f *faulty) {
			f.fails(isOutage, func(err error) error {
				time.Sleep(20 * time.Second)
				return err
			})
		},
	},
}

func isOutage(err error) bool { return errors.Is(err, errOutage) }

// contexts has every method work with another context.
func (f *faulty) contexts(change func(context.Context) context.Context) {
	get, write, remove, scan := f.get, f.write, f.remove, f.scan
	f.get = func(ctx context.Context, keys []string) ([]driver.Record, error) { return get(change(ctx), keys) }
	f.write = func(ctx context.Context, writes []driver.Write) ([]driver.Result, error) {
		return write(change(ctx), writes)
	}
	f.remove = func(ctx context.Context, keys []string) (int, error) { return remove(change(ctx), keys) }
	f.scan = func(ctx context.Context, pattern string, size int) iter.Seq2[[]string, error] {
		return scan(change(ctx), pattern, size)
	}
}

// fails replaces such errors of whole calls, and of results, by another.
func (f *faulty) fails(such func(error) bool, by func(error) error) {
	change := func(err error) error {
		if err == nil || !such(err) {
			return err
		}
		return by(err)
	}
	get, remove := f.get, f.remove
	f.get = func(ctx context.Context, keys []string) ([]driver.Record, error) {
		records, err := get(ctx, keys)
		return records, change(err)
	}
	f.answers(func(_ driver.Write, r *driver.Result) { r.Err = change(r.Err) })
	f.remove = func(ctx context.Context, keys []string) (int, error) {
		n, err := remove(ctx, keys)
		return n, change(err)
	}
	f.pairs(func(page []string, err error) ([]string, error, bool) { return page, change(err), true })
}

var outageFaults = []fault{
	{
		"answers not found when the engine fails",
		[]string{"outage/every-method", "outage/mid-scan", "outage/recovery", "context/ends-in-an-outage"},
		func(f *faulty) { f.fails(isOutage, func(error) error { return driver.ErrNotFound }) },
	},
	{
		"finds nothing in Get when the engine fails",
		[]string{"outage/every-method"},
		func(f *faulty) {
			before := f.get
			f.get = func(ctx context.Context, keys []string) ([]driver.Record, error) {
				records, err := before(ctx, keys)
				if err == nil || !isOutage(err) {
					return records, err
				}
				records = make([]driver.Record, len(keys))
				for i, key := range keys {
					records[i] = driver.Record{Key: key, Err: driver.ErrNotFound}
				}
				return records, nil
			}
		},
	},
	{
		"answers damage when the engine fails",
		[]string{"outage/every-method", "context/ends-in-an-outage"},
		func(f *faulty) { f.fails(isOutage, func(error) error { return driver.ErrCorrupt }) },
	},
	{
		"has no error when the engine fails",
		[]string{"outage/every-method", "outage/mid-scan", "context/ends-in-an-outage"},
		func(f *faulty) { f.fails(isOutage, func(error) error { return nil }) },
	},
	{
		"ends a scan without its error",
		[]string{"outage/every-method", "outage/mid-scan", "context/ends-in-a-scan"},
		func(f *faulty) {
			f.pairs(func(page []string, err error) ([]string, error, bool) { return page, nil, err == nil })
		},
	},
	{
		"deletes nothing without an error when the engine fails",
		[]string{"outage/every-method"},
		func(f *faulty) {
			before := f.remove
			f.remove = func(ctx context.Context, keys []string) (int, error) {
				n, _ := before(ctx, keys)
				return n, nil
			}
		},
	},
	{
		"returns records beside an error",
		[]string{"outage/every-method", "context/ended-before"},
		func(f *faulty) {
			before := f.get
			f.get = func(ctx context.Context, keys []string) ([]driver.Record, error) {
				records, err := before(ctx, keys)
				if err != nil {
					records = make([]driver.Record, len(keys))
				}
				return records, err
			}
		},
	},
	{
		"never connects again",
		[]string{"outage/recovery", "outage/mid-scan"},
		func(f *faulty) {
			var lost error
			before := f.get
			f.get = func(ctx context.Context, keys []string) ([]driver.Record, error) {
				if lost != nil {
					return nil, lost
				}
				return before(ctx, keys)
			}
			f.answers(func(_ driver.Write, r *driver.Result) {
				if r.Err != nil && isOutage(r.Err) {
					lost = r.Err
				}
			})
			f.pairs(func(page []string, err error) ([]string, error, bool) {
				if err != nil && isOutage(err) {
					lost = err
				}
				return page, err, true
			})
		},
	},
	{
		"writes what Failed when the engine is back",
		[]string{"outage/recovery"},
		func(f *faulty) {
			var queue []driver.Write
			before := f.get
			f.get = func(ctx context.Context, keys []string) ([]driver.Record, error) {
				records, err := before(ctx, keys)
				if err == nil && queue != nil {
					waiting := queue
					queue = nil
					if _, err := f.mem.Write(ctx, waiting); err != nil {
						return nil, err
					}
				}
				return records, err
			}
			f.answers(func(w driver.Write, r *driver.Result) {
				if r.Err != nil && isOutage(r.Err) {
					queue = append(queue, w)
				}
			})
		},
	},
	{
		"forgets all when the engine fails",
		[]string{"outage/recovery"},
		func(f *faulty) {
			lost := false
			f.answers(func(_ driver.Write, r *driver.Result) { lost = lost || r.Err != nil && isOutage(r.Err) })
			found(func(r *driver.Record) {
				if lost {
					*r = driver.Record{Key: r.Key, Err: driver.ErrNotFound}
				}
			})(f)
		},
	},
}

var closeFaults = []fault{
	{
		"answers not found after Close",
		[]string{"close/then-every-method", "close/while-calls-run"},
		func(f *faulty) {
			f.shut = f.mem.Close
			f.fails(func(error) bool { return true }, func(error) error { return driver.ErrNotFound })
		},
	},
	{
		"lists nothing after Close",
		[]string{"close/then-every-method", "close/in-a-scan"},
		func(f *faulty) {
			f.shut = f.mem.Close
			f.pairs(func(page []string, err error) ([]string, error, bool) { return page, nil, err == nil })
		},
	},
	{
		"gives an error of its own after Close",
		[]string{"close/then-every-method", "close/while-calls-run", "close/in-a-scan"},
		func(f *faulty) {
			f.shut = f.mem.Close
			f.fails(func(error) bool { return true }, func(error) error { return errBroken })
		},
	},
	{
		"finds no entries after Close",
		[]string{"close/then-every-method", "close/while-calls-run"},
		func(f *faulty) {
			f.shut = f.mem.Close
			f.history = func(ctx context.Context, key string, n int) ([]driver.AuditEntry, error) {
				entries, err := f.mem.History(ctx, key, n)
				return emptyIfClosed(entries, 0, err)
			}
		},
	},
	{
		"finds no samples after Close",
		[]string{"close/then-every-method", "close/while-calls-run"},
		func(f *faulty) {
			f.shut = f.mem.Close
			f.samples = func(ctx context.Context, key string) ([]driver.Sample, error) {
				samples, err := f.mem.Samples(ctx, key)
				return emptyIfClosed(samples, 0, err)
			}
		},
	},
	{
		"finds no reports after Close",
		[]string{"close/then-every-method", "close/while-calls-run"},
		func(f *faulty) {
			f.shut = f.mem.Close
			f.reports = func(ctx context.Context, keys []string) ([][]driver.Report, error) {
				lists, err := f.mem.Reports(ctx, keys)
				return emptyIfClosed(lists, len(keys), err)
			}
		},
	},
	{
		"reads no leases after Close",
		[]string{"close/then-every-method", "close/while-calls-run"},
		func(f *faulty) {
			f.shut = f.mem.Close
			read := f.readLeases
			f.readLeases = func(ctx context.Context, keys []string) ([]driver.StoredLease, error) {
				leases, err := read(ctx, keys)
				return emptyIfClosed(leases, len(keys), err)
			}
		},
	},
	{
		"says after Close that a lease was lost",
		[]string{"close/then-every-method", "close/while-calls-run"},
		func(f *faulty) {
			f.shut = f.mem.Close
			f.lends(func(_ context.Context, results []driver.LeaseResult, err error) ([]driver.LeaseResult, error) {
				if errors.Is(err, driver.ErrClosed) {
					err = driver.ErrFenced
				}
				return results, err
			})
		},
	},
	{
		"waits for ever in Close",
		[]string{"close/then-every-method", "close/while-calls-run", "store/close"},
		func(f *faulty) {
			f.shut = func() error {
				time.Sleep(time.Hour)
				return nil
			}
		},
	},
	{
		"fails to close",
		[]string{"close/then-every-method", "store/close", "shared/close"},
		func(f *faulty) { f.shut = func() error { return errBroken } },
	},
}

// emptyIfClosed answers with n zero items, and no error, if the driver is closed.
func emptyIfClosed[T any](items []T, n int, err error) ([]T, error) {
	if errors.Is(err, driver.ErrClosed) {
		return make([]T, n), nil
	}
	return items, err
}
