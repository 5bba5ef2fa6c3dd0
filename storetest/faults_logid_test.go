package storetest_test

import (
	"context"
	"iter"
	"sync"

	"github.com/checkpointstore/checkpoint/driver"
)

var logIDFaults = []fault{
	{
		"knows nothing of logs",
		[]string{"log-id/round-trip", "log-id/stays", "log-id/refused", "log-id/listed"},
		func(f *faulty) { f.given(func(w *driver.Write) { w.LogID = "" }) },
	},
	{
		"stores the log with Set only",
		[]string{"log-id/round-trip"},
		func(f *faulty) {
			f.given(func(w *driver.Write) {
				if w.Mode != driver.Set {
					w.LogID = ""
				}
			})
		},
	},
	{
		"keeps the first log",
		[]string{"log-id/round-trip"},
		func(f *faulty) {
			f.eachWrite(func(w driver.Write, apply step) driver.Result {
				if f.stored(w.Key).LogID != "" {
					w.LogID = ""
				}
				return apply(w)
			})
		},
	},
	{
		"clears the log with a write that names none",
		[]string{"log-id/stays"},
		func(f *faulty) {
			f.eachWrite(func(w driver.Write, apply step) driver.Result {
				if w.LogID == "" && w.Mode == driver.Set {
					_, _ = f.mem.Delete(context.Background(), []string{w.Key})
				}
				return apply(w)
			})
		},
	},
	{
		"stores the log of a write that it refuses",
		[]string{"log-id/refused"},
		func(f *faulty) {
			f.eachWrite(func(w driver.Write, apply step) driver.Result {
				r := apply(w)
				if stored := f.stored(w.Key); w.LogID != "" && (r.Outcome == driver.Stale || r.Outcome == driver.Fenced) {
					apply(driver.Write{
						Key: w.Key, Mark: driver.Mark{Position: stored.Position, UpdatedAt: stored.UpdatedAt, Epoch: stored.Epoch, LogID: w.LogID},
					})
				}
				return r
			})
		},
	},
	{
		"keeps the log apart from the checkpoint",
		[]string{"log-id/deleted", "log-id/expired"},
		func(f *faulty) {
			var mu sync.Mutex
			logs := make(map[string]string)
			f.given(func(w *driver.Write) {
				mu.Lock()
				defer mu.Unlock()
				if w.LogID == "" {
					w.LogID = logs[w.Key]
				}
				logs[w.Key] = w.LogID
			})
		},
	},
	{
		"leaves the log out of a scan's records",
		[]string{"log-id/listed"},
		func(f *faulty) {
			before := f.scanRecords
			f.scanRecords = func(ctx context.Context, pattern string, size int) iter.Seq2[[]driver.Record, error] {
				return func(yield func([]driver.Record, error) bool) {
					for page, err := range before(ctx, pattern, size) {
						for i := range page {
							page[i].LogID = ""
						}
						if !yield(page, err) {
							return
						}
					}
				}
			}
		},
	},
}
