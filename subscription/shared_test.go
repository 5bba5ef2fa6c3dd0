package subscription_test

import (
	"context"
	"fmt"
	"iter"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/memstore"
	"github.com/checkpointstore/checkpoint/subscription"
)

// TestSharedBoundsAllRuns: the handlers of all Runs are as many as Shared says, and so are
// the events that are read and not done.
func TestSharedBoundsAllRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const runs, events, maxInFlight, workers = 5, 40, 7, 3
		shared := subscription.NewShared(maxInFlight, workers)
		store := checkpoint.New(memstore.New(), nil)
		var read, done, atWork, most, mostInFlight atomic.Int64
		var all sync.WaitGroup
		for i := range runs {
			all.Go(func() {
				err := subscription.Consume(t.Context(), store, fmt.Sprint(i), &subscription.Options{Missing: subscription.FromStart},
					counted(events, &read),
					subscription.Handler[uint64]{
						Workers: 4, Shared: shared,
						Position: func(n uint64) checkpoint.Position { return checkpoint.Position{Commit: n, Prepare: n} },
						Handle: func(context.Context, uint64) error {
							raise(&most, atWork.Add(1))
							raise(&mostInFlight, read.Load()-done.Load())
							time.Sleep(time.Second)
							atWork.Add(-1)
							done.Add(1)
							return nil
						},
					})
				if err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if most.Load() != workers {
			t.Errorf("up to %d handlers were at work, want %d", most.Load(), workers)
		}
		// Each reader holds one event more, for which it waits.
		if n := mostInFlight.Load(); n > maxInFlight+runs {
			t.Errorf("%d events were read and not done, want at most %d", n, maxInFlight+runs)
		}
		if done.Load() != runs*events {
			t.Errorf("%d events are done, want %d", done.Load(), runs*events)
		}
	})
}

// TestPausedKeysLeaveTheOthersRoom: their readers wait with an event that is not in work.
func TestPausedKeysLeaveTheOthersRoom(t *testing.T) {
	bubble(t, func(b bench) {
		shared := subscription.NewShared(2, 2)
		var running sync.WaitGroup
		ctx, stop := context.WithCancel(b.Context())
		defer running.Wait()
		defer stop()
		run := func(key string) {
			running.Go(func() {
				err := subscription.Consume(ctx, b.store, key, &subscription.Options{Missing: subscription.FromStart, MaxInFlight: 1},
					counted(1000, new(atomic.Int64)),
					subscription.Handler[uint64]{
						Position: at, Shared: shared,
						Handle: func(context.Context, uint64) error { time.Sleep(time.Second); return nil },
					})
				if err != nil {
					b.Error(err)
				}
			})
		}
		for _, key := range []string{"x", "y"} {
			run(key)
		}
		time.Sleep(10 * time.Second)
		for _, key := range []string{"x", "y"} {
			if err := b.store.Pause(b.Context(), key); err != nil {
				b.Fatal(err)
			}
		}
		time.Sleep(time.Minute)
		run("z")
		time.Sleep(10 * time.Minute)
		if z, err := b.store.Get(b.Context(), "z"); err != nil || z.Position.Commit < 300 {
			b.Errorf("beside two paused keys, another one is at %s after 10 minutes, %v", z.Position, err)
		}
	})
}

// TestRunGivesBackWhatItShares, also what it has read and not handled.
func TestRunGivesBackWhatItShares(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := subscription.NewShared(10, 2)
		store := checkpoint.New(memstore.New(), nil)
		for i := range 20 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			var read atomic.Int64
			err := subscription.Consume(ctx, store, fmt.Sprint(i), &subscription.Options{Missing: subscription.FromStart, DrainTimeout: 5 * time.Second},
				counted(100, &read),
				subscription.Handler[uint64]{
					Workers: 2, Shared: shared,
					Position: func(n uint64) checkpoint.Position { return checkpoint.Position{Commit: n, Prepare: n} },
					Handle:   func(context.Context, uint64) error { time.Sleep(2 * time.Second); return nil },
				})
			cancel()
			if err != nil {
				t.Fatal(err)
			}
			if n := read.Load(); n != 11 { // ten are in work, and the reader waits with one
				t.Fatalf("run %d has read %d events, want 11: earlier runs have kept some", i, n)
			}
		}
	})
}

func raise(most *atomic.Int64, n int64) {
	for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
	}
}

// counted yields 1 to to, and counts what it yields.
func counted(to uint64, read *atomic.Int64) func(context.Context, checkpoint.Position) iter.Seq2[uint64, error] {
	return func(context.Context, checkpoint.Position) iter.Seq2[uint64, error] {
		return func(yield func(uint64, error) bool) {
			for n := uint64(1); n <= to; n++ {
				read.Add(1)
				if !yield(n, nil) {
					return
				}
			}
		}
	}
}
