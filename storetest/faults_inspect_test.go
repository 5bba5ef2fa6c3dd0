package storetest_test

import (
	"context"
	"iter"
	"slices"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
)

// What is there, as an operator sees it.
var inspectFaults = []fault{
	{
		"shows no fence",
		[]string{"inspect/shows", "inspect/damage", "inspect/ended"},
		shown(func(c *driver.Cell) { c.Fence = driver.Fence{} }),
	},
	{
		"does not show when a fence was raised",
		[]string{"inspect/shows"},
		shown(func(c *driver.Cell) { c.Fence.RaisedAt = time.Time{} }),
	},
	{
		"shows the epoch of the checkpoint for the fence",
		[]string{"inspect/shows", "inspect/lease"},
		shown(func(c *driver.Cell) { c.Fence.Epoch = c.Checkpoint.Epoch }),
	},
	{
		"shows no log",
		[]string{"inspect/shows"},
		shown(func(c *driver.Cell) { c.Checkpoint.LogID = "" }),
	},
	{
		"shows no lease that has ended",
		[]string{"inspect/ended"},
		shown(func(c *driver.Cell) {
			if !time.Now().Before(c.Lease.ExpiresAt) {
				c.Lease = driver.StoredLease{}
			}
		}),
	},
	{
		"does not show the TTL of a lease",
		[]string{"inspect/lease", "inspect/ended"},
		shown(func(c *driver.Cell) { c.Lease.TTL = 0 }),
	},
	{
		"shows a damaged fence as none",
		[]string{"inspect/damage"},
		shown(func(c *driver.Cell) { c.Fence.Err = nil }),
	},
	{
		"shows a damaged lease as a sound one",
		[]string{"inspect/damage"},
		shown(func(c *driver.Cell) { c.Lease.Err = nil }),
	},
	{
		"shows a damaged checkpoint as none",
		[]string{"inspect/damage"},
		shown(func(c *driver.Cell) {
			if c.Checkpoint.Err != nil {
				c.Checkpoint = driver.StoredCheckpoint{}
			}
		}),
	},
	{
		"sorts the cells by key",
		[]string{"inspect/shows"},
		func(f *faulty) {
			before := f.inspect
			f.inspect = func(ctx context.Context, keys []string) ([]driver.Cell, error) {
				return before(ctx, slices.Sorted(slices.Values(keys)))
			}
		},
	},
	{
		"removes with Inspect what has no checkpoint",
		[]string{"inspect/reads-alone", "inspect/lease"},
		func(f *faulty) {
			before := f.inspect
			f.inspect = func(ctx context.Context, keys []string) ([]driver.Cell, error) {
				cells, err := before(ctx, keys)
				for _, key := range keys {
					f.mem.Edit(key, func(c *driver.Cell) {
						if !c.Checkpoint.Exists {
							c.Lease = driver.StoredLease{}
						}
						c.Fence.Epoch++
					})
				}
				return cells, err
			}
		},
	},
	{
		"scans the cells of checkpoints alone",
		[]string{"inspect/scan"},
		func(f *faulty) {
			f.scanCells = func(ctx context.Context, pattern string, size int) iter.Seq2[[]driver.Cell, error] {
				return func(yield func([]driver.Cell, error) bool) {
					for keys, err := range f.scan(ctx, pattern, size) {
						if err != nil {
							yield(nil, err)
							return
						}
						if cells, err := f.inspect(ctx, keys); !yield(cells, err) || err != nil {
							return
						}
					}
				}
			}
		},
	},
	{
		"scans the cells of all keys",
		[]string{"inspect/scan"},
		func(f *faulty) {
			before := f.scanCells
			f.scanCells = func(ctx context.Context, _ string, size int) iter.Seq2[[]driver.Cell, error] {
				return before(ctx, "*", size)
			}
		},
	},
	{
		"shows nothing when the engine fails",
		[]string{"outage/every-method", "context/ended-before"},
		func(f *faulty) {
			before := f.inspect
			f.inspect = func(ctx context.Context, keys []string) ([]driver.Cell, error) {
				cells, err := before(ctx, keys)
				if err != nil {
					cells, err = make([]driver.Cell, len(keys)), nil
				}
				return cells, err
			}
		},
	},
	{
		"scans no cells when the engine fails",
		[]string{"outage/every-method", "context/ended-before"},
		func(f *faulty) {
			before := f.scanCells
			f.scanCells = func(ctx context.Context, pattern string, size int) iter.Seq2[[]driver.Cell, error] {
				return func(yield func([]driver.Cell, error) bool) {
					for page, err := range before(ctx, pattern, size) {
						if err != nil || !yield(page, nil) {
							return
						}
					}
				}
			}
		},
	},
	{
		"ends a scan of cells without its error after the first page",
		[]string{"outage/mid-scan", "context/ends-in-a-scan"},
		cutsCellsShort,
	},
	{
		"misses cells when it is closed meanwhile",
		[]string{"close/in-a-scan"},
		func(f *faulty) {
			f.shut = f.mem.Close
			cutsCellsShort(f)
		},
	},
	{
		"tells a loop over cells that has stopped that the context has ended",
		[]string{"scan/break"},
		func(f *faulty) {
			f.scanCells = func(ctx context.Context, pattern string, size int) iter.Seq2[[]driver.Cell, error] {
				return func(yield func([]driver.Cell, error) bool) {
					f.mem.ScanCells(ctx, pattern, size)(yield)
					if ctx.Err() != nil {
						yield(nil, ctx.Err())
					}
				}
			}
		},
	},
	{
		"counts no fences when the engine fails",
		[]string{"release-fences/outage"},
		func(f *faulty) {
			before := f.releaseFences
			f.releaseFences = func(ctx context.Context, keys []string, idle time.Duration) (int, error) {
				n, _ := before(ctx, keys, idle)
				return n, nil
			}
		},
	},
}

// cutsCellsShort has a scan of cells end without its error, unless the first page fails.
func cutsCellsShort(f *faulty) {
	before := f.scanCells
	f.scanCells = func(ctx context.Context, pattern string, size int) iter.Seq2[[]driver.Cell, error] {
		return func(yield func([]driver.Cell, error) bool) {
			first := true
			for page, err := range before(ctx, pattern, size) {
				if err != nil && !first || !yield(page, err) {
					return
				}
				first = false
			}
		}
	}
}
