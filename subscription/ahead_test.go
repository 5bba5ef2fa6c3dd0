package subscription_test

import (
	"context"
	"math"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/checkpointstore/checkpoint/subscription"
)

// TestWhatACrashRepeatsIsBounded, although one event takes long, or the store is away.
func TestWhatACrashRepeatsIsBounded(t *testing.T) {
	const long = 5 * time.Second
	slow := func(bench) time.Duration { return long }
	away := func(b bench) time.Duration {
		b.mem.Fail(errEngine)
		time.AfterFunc(long, func() { b.mem.Fail(nil) })
		return time.Millisecond
	}
	for name, c := range map[string]struct {
		opts  subscription.Options
		begin func(bench) time.Duration // returns how long the event 11 takes
		bound uint64
	}{
		"one event takes 5 s":          {subscription.Options{FlushEvery: 100, MaxInFlight: 100}, slow, 400},
		"one event takes 5 s, tightly": {subscription.Options{FlushEvery: 10, MaxInFlight: 10}, slow, 40},
		"the store is away for 5 s":    {subscription.Options{FlushEvery: 100, MaxInFlight: 100}, away, 400},
		"with a bound of its own":      {subscription.Options{MaxAhead: 50}, slow, 50},
		"with a wide bound":            {subscription.Options{FlushEvery: 10, MaxInFlight: 10, MaxAhead: 3000}, slow, 3000},
		"with a bound of one":          {subscription.Options{MaxAhead: 1}, away, 1},
		"without flushes by count":     {subscription.Options{FlushEvery: math.MaxInt, MaxAhead: 70}, slow, 70},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(b bench) {
				c.opts.FlushAfter = 100 * time.Millisecond
				s := b.open(c.opts)
				takes := c.begin(b)
				var begun atomic.Uint64 // the highest event that a handler was given
				h := handling(func(_ context.Context, n uint64) error {
					begun.Store(max(n, begun.Load()))
					if n == 11 {
						time.Sleep(takes)
					} else {
						time.Sleep(time.Millisecond)
					}
					return nil
				})
				h.Workers = 8
				ended := make(chan error)
				go func() { ended <- subscription.Run(context.Background(), s, events(40_000), h) }()
				time.Sleep(long - time.Millisecond)
				synctest.Wait()
				b.mem.Fail(nil)
				if again := begun.Load() - b.stored(); again > c.bound || again < c.bound/2 {
					b.Errorf("a crash would repeat %d events, want no more than %d, and not much less", again, c.bound)
				}
				if err := <-ended; err != nil {
					b.Error(err)
				}
				s.Close(b.Context())
				b.wantStored(40_000)
			})
		})
	}
}

// TestHandlerThatStoresThePositionIsNotHeldUp by what the subscription does not store.
func TestHandlerThatStoresThePositionIsNotHeldUp(t *testing.T) {
	bubble(t, func(b bench) {
		s := b.open(subscription.Options{StoredByHandler: true, MaxAhead: 1, FlushEvery: 1, MaxInFlight: 1})
		for n := range uint64(100) {
			b.track(s, n+1).Done()
		}
	})
}

// TestSkippedPositionsAreNotHeldUp: they carry no work that could be done again.
func TestSkippedPositionsAreNotHeldUp(t *testing.T) {
	bubble(t, func(b bench) {
		s := b.open(subscription.Options{MaxAhead: 2})
		w := b.track(s, 1)
		for n := range uint64(100) {
			if err := s.Skip(at(n + 2)); err != nil {
				b.Error(err)
			}
		}
		b.track(s, 200).Done()
		w.Done()
		b.track(s, 201).Done()
		time.Sleep(time.Second)
		b.wantStored(201)
	})
}
