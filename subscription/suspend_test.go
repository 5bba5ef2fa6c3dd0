package subscription_test

import (
	"context"
	"errors"
	"iter"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/internal/clock"
	"github.com/checkpointstore/checkpoint/memstore"
	"github.com/checkpointstore/checkpoint/subscription"
)

// awake is an engine on another machine, whose clock goes on while that of the
// consumer is suspended. There another instance takes over a lease as soon as it ends.
type awake struct {
	*memstore.Driver
	mu   sync.Mutex
	ends time.Time
	gone bool // cannot be reached
}

func outside() time.Time { return clock.Wall(time.Now()) }

func (a *awake) Acquire(ctx context.Context, leases []driver.Lease) ([]driver.LeaseResult, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ends = outside().Add(leases[0].TTL)
	return a.Driver.Acquire(ctx, leases)
}

func (a *awake) Renew(ctx context.Context, leases []driver.Lease) ([]driver.LeaseResult, error) {
	time.Sleep(20 * time.Millisecond)
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.gone:
		return nil, errEngine
	case !outside().Before(a.ends):
		return []driver.LeaseResult{{Err: driver.ErrFenced}}, nil
	}
	a.ends = outside().Add(leases[0].TTL)
	return a.Driver.Renew(ctx, leases)
}

// since is how long ago the lease has ended, or negative.
func (a *awake) since() time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	return outside().Sub(a.ends)
}

func (a *awake) reachable(is bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.gone = !is
}

// resumed is when the machine went on, by the monotonic clock.
var resumed atomic.Int64

// resumedWithin reports whether the machine went on so little ago.
func resumedWithin(d time.Duration) bool { return time.Now().UnixNano()-resumed.Load() <= int64(d) }

// endless yields 1, 2, and so on, one after another in random intervals.
func endless(ctx context.Context) iter.Seq2[uint64, error] {
	return func(yield func(uint64, error) bool) {
		for n := uint64(1); ctx.Err() == nil && yield(n, nil); n++ {
			time.Sleep(rand.N(100 * time.Millisecond))
		}
	}
}

// TestSuspendedHolderHandlesNothing that another instance may handle already: no
// attempt begins after the lease has ended, and those at work are called off within a
// twentieth of its TTL.
func TestSuspendedHolderHandlesNothing(t *testing.T) {
	const rounds, ttl = 500, 3 * time.Second
	ended := 0
	for range rounds {
		synctest.Test(t, func(t *testing.T) {
			e := &awake{Driver: memstore.New()}
			b := bench{t, e.Driver, checkpoint.New(e, nil)}
			opts := leased("a", false)
			opts.Lease.TTL = ttl
			s := b.open(opts)
			h := subscription.Handler[uint64]{Position: at, Workers: 4, Retry: retrying(rand.N(time.Second))}
			if rand.N(2) == 0 { // some wait for a worker
				h.Shared = subscription.NewShared(8, 2)
			}
			h.Handle = func(ctx context.Context, n uint64) error {
				if late := e.since(); late > 0 {
					t.Errorf("an attempt begins %v after the lease has ended", late)
				}
				time.Sleep(rand.N(time.Second))
				if late := e.since(); late > ttl/20 && ctx.Err() == nil && !resumedWithin(ttl/20) {
					t.Errorf("a handler is not called off %v after the lease has ended", late)
				}
				if n%3 == 0 {
					return errHandler
				}
				return nil
			}
			slept := rand.N(2 * ttl)
			resumed.Store(0)
			time.AfterFunc(rand.N(3*ttl), func() {
				e.reachable(rand.N(2) == 0)
				clock.Suspend(slept)
				resumed.Store(time.Now().UnixNano())
			})
			defer clock.Suspend(-slept)
			ctx, cancel := context.WithTimeout(b.Context(), 5*ttl)
			defer cancel()
			err := subscription.Run(ctx, s, endless, h)
			if errors.Is(err, subscription.ErrLeaseLost) {
				ended++
			} else if err != nil || e.since() > 0 {
				t.Errorf("Run: %v; the lease has ended %v ago", err, e.since())
			}
			s.Close(b.Context())
		})
	}
	if ended < rounds/4 || ended > rounds*9/10 {
		t.Errorf("in %d of %d rounds the lease ended: the test shows little", ended, rounds)
	}
}

// TestTrackAfterASuspend, for whoever does without Run.
func TestTrackAfterASuspend(t *testing.T) {
	bubble(t, func(b bench) {
		var l listener
		opts := leased("a", false)
		opts.Observers = []checkpoint.Observer{&l}
		s := b.open(opts)
		b.wantHeard(&l, "a gained orders, epoch 1", "flushed orders C:0/P:0 after 0s: <nil>")
		clock.Suspend(leaseTTL)
		defer clock.Suspend(-leaseTTL)
		if _, err := s.Track(b.Context(), at(1)); !errors.Is(err, subscription.ErrLeaseLost) {
			b.Errorf("Track: %v; want ErrLeaseLost", err)
		}
		if err := s.Err(); !errors.Is(err, subscription.ErrLeaseLost) {
			b.Errorf("Err: %v; want ErrLeaseLost", err)
		}
		synctest.Wait()
		if len(l.heard) != 1 {
			b.Errorf("heard %q, want once of the lease's end", l.heard)
		}
	})
}

// TestIdleCheckpointIsStoredAgainAfterASuspend: its TTL went on meanwhile.
func TestIdleCheckpointIsStoredAgainAfterASuspend(t *testing.T) {
	bubble(t, func(b bench) {
		s := b.open(subscription.Options{TTL: time.Hour})
		b.track(s, 1).Done()
		b.wantFlushes(s, 2)
		clock.Suspend(50 * time.Minute)
		defer clock.Suspend(-50 * time.Minute)
		b.wantFlushes(s, 3)
	})
}

func (b bench) wantFlushes(s *subscription.Subscription, want int) {
	b.Helper()
	time.Sleep(time.Second + time.Millisecond)
	if n := s.Stats().Flushes; n != want {
		b.Errorf("it was stored %d times, want %d", n, want)
	}
}
