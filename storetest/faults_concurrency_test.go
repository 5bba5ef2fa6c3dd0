package storetest_test

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/checkpointstore/checkpoint/cell"
	"github.com/checkpointstore/checkpoint/driver"
)

// gap is where another goroutine comes in between.
func gap() { time.Sleep(time.Millisecond) }

var concurrencyFaults = []fault{
	{
		"reads and then writes",
		[]string{"concurrency/maximum", "concurrency/first-write", "shared/maximum"},
		func(f *faulty) {
			f.unguarded(func(w driver.Write, apply step) driver.Result {
				stored := f.stored(w.Key)
				gap()
				if w.Mode != driver.IfNewer || isDamaged(stored) {
					return apply(w)
				}
				if stored.Err == nil && w.Position.Compare(stored.Position) < 0 {
					return driver.Result{Outcome: driver.Stale}
				}
				w.Mode = driver.Set
				r := apply(w)
				if stored.Err == nil && w.Position == stored.Position {
					r.Outcome = driver.Unchanged
				}
				return r
			})
		},
	},
	{
		"locks within the process alone",
		[]string{"shared/maximum"},
		func(f *faulty) {
			lock := make(chan struct{}, 1)
			f.unguarded(func(w driver.Write, apply step) driver.Result {
				lock <- struct{}{}
				defer func() { <-lock }()
				stored := f.stored(w.Key)
				gap()
				if w.Mode == driver.IfNewer && stored.Err == nil && w.Position.Compare(stored.Position) < 0 {
					return driver.Result{Outcome: driver.Stale}
				}
				w.Mode = driver.Set
				return apply(w)
			})
		},
	},
	{
		"checks the fence and then writes",
		[]string{"concurrency/epochs"},
		func(f *faulty) { newLooseFence(f) },
	},
	{
		"reads the epoch and then rewinds",
		[]string{"concurrency/rewinds"},
		func(f *faulty) {
			f.unguarded(func(w driver.Write, apply step) driver.Result {
				if w.Mode != driver.Rewind {
					return apply(w)
				}
				epoch := f.stored(w.Key).Epoch + 1
				gap()
				apply(w)
				return driver.Result{Outcome: driver.Advanced, Epoch: epoch}
			})
		},
	},
	{
		"has one buffer for all calls",
		[]string{"concurrency/mixed"},
		func(f *faulty) {
			var buffer atomic.Pointer[[]driver.Write]
			before := f.write
			f.write = func(ctx context.Context, writes []driver.Write) ([]driver.Result, error) {
				buffer.Store(&writes)
				gap()
				return before(ctx, *buffer.Load())
			}
		},
	},
}

// A looseFence keeps fences and epochs apart from the memstore, and not in the
// same step as the position.
type looseFence struct {
	mu             sync.Mutex
	fences, epochs map[string]uint64
}

func newLooseFence(f *faulty) {
	l := &looseFence{fences: make(map[string]uint64), epochs: make(map[string]uint64)}
	f.unguarded(func(w driver.Write, apply step) driver.Result {
		if fence := l.pass(w); fence != 0 {
			return driver.Result{Outcome: driver.Fenced, Epoch: fence}
		}
		gap()
		epoch := w.Epoch
		w.Epoch = 0
		r := apply(w)
		l.mu.Lock()
		defer l.mu.Unlock()
		l.epochs[w.Key] = epoch
		return r
	})
	found(func(r *driver.Record) {
		l.mu.Lock()
		defer l.mu.Unlock()
		r.Epoch = l.epochs[r.Key]
	})(f)
}

// pass returns the fence that refuses w, or zero.
func (l *looseFence) pass(w driver.Write) uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if w.Epoch < l.fences[w.Key] {
		return l.fences[w.Key]
	}
	l.fences[w.Key] = w.Epoch
	return 0
}

var sharedFaults = []fault{
	{
		"caches what it has read",
		[]string{"shared/seen-at-once", "shared/damage"},
		func(f *faulty) {
			cache := make(map[string]driver.Record)
			found(func(r *driver.Record) {
				if cached, ok := cache[r.Key]; ok {
					*r = cached
				}
				cache[r.Key] = *r
			})(f)
			given(func(_ *cell.Cell, w *driver.Write) { delete(cache, w.Key) })(f)
		},
	},
	{
		"keeps fences in the process",
		[]string{"shared/fence"},
		func(f *faulty) {
			fences := make(map[string]driver.Fence)
			given(func(c *cell.Cell, w *driver.Write) { c.Fence, c.Checkpoint.Epoch = fences[w.Key], 0 })(f)
			answered(func(_ cell.Cell, w driver.Write, c *cell.Cell, _ *driver.Result) { fences[w.Key] = c.Fence })(f)
		},
	},
	{
		"closes the engine for everybody",
		[]string{"shared/close"},
		func(f *faulty) { f.shut = f.mem.Close },
	},
}
