package storetest_test

import (
	"context"
	"errors"
	"slices"

	"github.com/checkpointstore/checkpoint/driver"
)

var damageFaults = []fault{
	{
		"answers not found where there is damage",
		[]string{"damage/get", "damage/if-newer", "damage/scan", "shared/damage"},
		func(f *faulty) {
			f.found(func(r *driver.Record) {
				if isDamaged(*r) {
					r.Err = driver.ErrNotFound
				}
			})
		},
	},
	{
		"reads position zero where there is damage",
		[]string{"damage/get", "damage/touch", "shared/damage"},
		func(f *faulty) {
			f.found(func(r *driver.Record) {
				if isDamaged(*r) {
					*r = driver.Record{Key: r.Key, Mark: driver.Mark{UpdatedAt: r.UpdatedAt}}
				}
			})
		},
	},
	{
		"fails the whole Get for one damaged checkpoint",
		[]string{"damage/get"},
		func(f *faulty) {
			before := f.get
			f.get = func(ctx context.Context, keys []string) ([]driver.Record, error) {
				records, err := before(ctx, keys)
				if i := slices.IndexFunc(records, isDamaged); i >= 0 {
					return nil, records[i].Err
				}
				return records, err
			}
		},
	},
	{
		"repairs damage with IfNewer",
		[]string{"damage/if-newer", "damage/batch", "fence/failed-write-leaves-it"},
		func(f *faulty) {
			f.given(func(w *driver.Write) {
				if w.Mode == driver.IfNewer && isDamaged(f.stored(w.Key)) {
					w.Mode = driver.Set
				}
			})
		},
	},
	{
		"says that damage is missing when it fails a write",
		[]string{"damage/if-newer", "damage/touch"},
		func(f *faulty) {
			f.answered(func(_ driver.Write, r *driver.Result) {
				if errors.Is(r.Err, driver.ErrCorrupt) {
					r.Err = driver.ErrNotFound
				}
			})
		},
	},
	{
		"repairs damage with Touch",
		[]string{"damage/touch"},
		func(f *faulty) {
			f.given(func(w *driver.Write) {
				if w.Mode == driver.Touch && isDamaged(f.stored(w.Key)) {
					w.Mode = driver.Set
				}
			})
		},
	},
	{
		"refuses to repair damage",
		[]string{"damage/set-repairs", "damage/rewind-repairs", "damage/batch", "shared/damage"},
		func(f *faulty) {
			f.eachWrite(func(w driver.Write, apply step) driver.Result {
				if stored := f.stored(w.Key); isDamaged(stored) && (w.Mode == driver.Set || w.Mode == driver.Rewind) {
					return failed(stored.Err)
				}
				return apply(w)
			})
		},
	},
	{
		"fails the whole batch for one damaged checkpoint",
		[]string{"damage/batch"},
		func(f *faulty) {
			before := f.write
			f.write = func(ctx context.Context, writes []driver.Write) ([]driver.Result, error) {
				for _, w := range writes {
					if stored := f.stored(w.Key); isDamaged(stored) && w.Mode == driver.IfNewer {
						return nil, stored.Err
					}
				}
				return before(ctx, writes)
			}
		},
	},
	{
		"fails to delete what is damaged",
		[]string{"damage/delete-repairs", "store/clear"},
		func(f *faulty) {
			before := f.remove
			f.remove = func(ctx context.Context, keys []string) (int, error) {
				for _, key := range keys {
					if stored := f.stored(key); isDamaged(stored) {
						return 0, stored.Err
					}
				}
				return before(ctx, keys)
			}
		},
	},
	{
		"does not count what is damaged",
		[]string{"damage/delete-repairs", "store/clear"},
		func(f *faulty) {
			before := f.remove
			f.remove = func(ctx context.Context, keys []string) (int, error) {
				damaged := 0
				for _, key := range keys {
					if isDamaged(f.stored(key)) {
						damaged++
					}
				}
				n, err := before(ctx, keys)
				return n - damaged, err
			}
		},
	},
	{
		"leaves damaged checkpoints out of a scan",
		[]string{"damage/scan", "store/clear"},
		func(f *faulty) {
			f.listed(func(_ string, keys []string) []string {
				return slices.DeleteFunc(keys, func(key string) bool { return isDamaged(f.stored(key)) })
			})
		},
	},
	{
		"ends a scan at a damaged checkpoint",
		[]string{"damage/scan"},
		func(f *faulty) {
			f.pairs(func(page []string, err error) ([]string, error, bool) {
				for _, key := range page {
					if stored := f.stored(key); isDamaged(stored) {
						return nil, stored.Err, true
					}
				}
				return page, err, true
			})
		},
	},
}
