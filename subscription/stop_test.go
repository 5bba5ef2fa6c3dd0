package subscription_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/subscription"
)

// slowKey is the key of all events except 3, which a worker handles at once.
func slowKey(n uint64) string {
	if n == 3 {
		return "fast"
	}
	return "slow"
}

// TestStopBeginsWhatComesBeforeADoneEvent: the next run would repeat event 3.
func TestStopBeginsWhatComesBeforeADoneEvent(t *testing.T) {
	const first = 10 * time.Second // how long the first event takes
	for name, c := range map[string]struct {
		after   time.Duration
		retry   bool
		handled []uint64
		stored  uint64
	}{
		"and nothing else":      {after: first - 500*time.Millisecond, handled: []uint64{3, 1, 2}, stored: 3},
		"for a second":          {after: first - 1500*time.Millisecond, handled: []uint64{3, 1}, stored: 1},
		"in the order of a key": {after: first + time.Minute, retry: true, handled: []uint64{3}, stored: 0},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(b bench) {
				s := b.open(subscription.Options{})
				var j journal
				h := handling(func(_ context.Context, n uint64) error {
					if n == 1 {
						time.Sleep(first)
						if c.retry {
							return errHandler
						}
					}
					j.add(n)
					return nil
				})
				h.Workers, h.OrderingKey, h.Retry = 2, slowKey, retrying(time.Hour)
				ctx, cancel := context.WithTimeout(b.Context(), c.after)
				defer cancel()
				if err := subscription.Run(ctx, s, quiet(5), h); err != nil {
					b.Error(err)
				}
				s.Close(b.Context())
				if !slices.Equal(j.done, c.handled) {
					b.Errorf("events %v were handled, want %v", j.done, c.handled)
				}
				b.wantStored(c.stored)
			})
		})
	}
}

// TestStopWaitsForASharedWorker, as before the stop.
func TestStopWaitsForASharedWorker(t *testing.T) {
	bubble(t, func(b bench) {
		shared := subscription.NewShared(100, 2)
		other, err := subscription.Open(b.Context(), b.store, "other", &subscription.Options{Missing: subscription.FromStart})
		if err != nil {
			b.Fatal(err)
		}
		busy := handling(func(context.Context, uint64) error {
			time.Sleep(700 * time.Millisecond)
			return nil
		})
		busy.Workers, busy.Shared = 2, shared
		s := b.open(subscription.Options{})
		h := handling(func(_ context.Context, n uint64) error {
			if n == 1 {
				time.Sleep(10 * time.Second)
			}
			return nil
		})
		h.Workers, h.OrderingKey, h.Shared = 2, slowKey, shared
		ctx, cancel := context.WithTimeout(b.Context(), 9500*time.Millisecond)
		defer cancel()
		time.AfterFunc(time.Second, func() {
			if err := subscription.Run(b.Context(), other, events(30), busy); err != nil {
				b.Error(err)
			}
		})
		if err := subscription.Run(ctx, s, quiet(4), h); err != nil {
			b.Error(err)
		}
		s.Close(b.Context())
		b.wantStored(3)
		time.Sleep(time.Minute)
		other.Close(b.Context())
	})
}

// TestStopRepeatsNothing if the handlers take less than a second.
func TestStopRepeatsNothing(t *testing.T) {
	for seed := range uint64(1000) {
		bubble(t, func(b bench) {
			random := rand.New(rand.NewPCG(seed, 1))
			workers, keys, shared := 1+random.IntN(8), random.Uint64N(12), subscription.NewShared(1000, 1+random.IntN(6))
			takes := make([]time.Duration, 2000)
			for n := range takes {
				takes[n] = time.Duration(random.IntN(20)) * time.Millisecond
			}
			s := b.open(subscription.Options{})
			var j journal
			h := handling(func(_ context.Context, n uint64) error {
				time.Sleep(takes[n])
				j.add(n)
				return nil
			})
			h.Workers, h.Shared = workers, shared
			if keys > 0 {
				h.OrderingKey = func(n uint64) string { return fmt.Sprint(n % keys) }
			}
			ctx, cancel := context.WithTimeout(b.Context(), time.Duration(random.IntN(1000))*time.Millisecond)
			defer cancel()
			if err := subscription.Run(ctx, s, quiet(uint64(len(takes)-1)), h); err != nil {
				b.Error(err)
			}
			s.Close(b.Context())
			var stored checkpoint.Position
			if len(j.done) > 0 {
				stored = at(slices.Max(j.done))
			}
			if got := at(b.stored()); len(j.done) > 0 && got != stored {
				b.Errorf("with seed %d, %d workers and %d keys, the checkpoint is at %v, want %v: the last event that is done",
					seed, workers, keys, got, stored)
			}
		})
		if t.Failed() {
			return
		}
	}
}
