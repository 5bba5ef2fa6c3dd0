package subscription_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/internal/leaktest"
	"github.com/checkpointstore/checkpoint/keeper"
	"github.com/checkpointstore/checkpoint/memstore"
	"github.com/checkpointstore/checkpoint/subscription"
)

const leaseTTL = 15 * time.Second

func leased(owner string, wait bool) subscription.Options {
	return subscription.Options{
		FlushEvery: 1, Missing: subscription.FromStart,
		Lease: &subscription.Lease{Owner: owner, TTL: leaseTTL, Wait: wait},
	}
}

func TestOneInstanceIsAtWork(t *testing.T) {
	bubble(t, func(b bench) {
		b.open(leased("a", false))
		opts := leased("b", false)
		_, err := subscription.Open(b.Context(), b.store, key, &opts)
		var held *checkpoint.LeaseHeldError
		if !errors.As(err, &held) || held.Owner != "a" {
			b.Errorf("a second instance: %v; want a LeaseHeldError of a", err)
		}
		time.Sleep(24 * time.Hour) // the lease is renewed
		if _, err := subscription.Open(b.Context(), b.store, key, &opts); !errors.Is(err, checkpoint.ErrLeaseHeld) {
			b.Errorf("a second instance a day later: %v; want ErrLeaseHeld", err)
		}
	})
}

// standby opens in the background.
func (b bench) standby(opts subscription.Options) <-chan *subscription.Subscription {
	b.Helper()
	opened := make(chan *subscription.Subscription, 1)
	go func() {
		s, err := subscription.Open(b.Context(), b.store, key, &opts)
		if err != nil {
			b.Errorf("the standby: %v", err)
		}
		opened <- s
	}()
	synctest.Wait()
	return opened
}

// phases are moments at which a standby begins to wait, so that what happens
// falls between two of its questions in many ways.
var phases = []time.Duration{0, time.Millisecond, 13 * time.Millisecond, 29 * time.Millisecond, 49 * time.Millisecond, 71 * time.Millisecond}

func TestStandbyTakesOverAfterClose(t *testing.T) {
	for _, phase := range phases {
		bubble(t, func(b bench) {
			first := b.open(leased("a", false))
			time.Sleep(phase)
			opened := b.standby(leased("b", true))
			time.Sleep(time.Hour - phase)
			b.track(first, 1).Done()
			if err := first.Close(b.Context()); err != nil {
				b.Fatal(err)
			}
			closed := time.Now()
			second := <-opened
			defer second.Close(context.Background())
			if waited := time.Since(closed); waited > leaseTTL/50 {
				b.Errorf("it took over %v after Close, want a fiftieth of the lease at most", waited)
			}
			if p, ok := second.Resume(); !ok || p != at(1) {
				b.Errorf("it resumes at %s, %v; want what the first had done", p, ok)
			}
		})
	}
}

// A crash is an instance whose goroutines are gone: here, a lease that nobody
// renews.
func TestStandbyTakesOverAfterACrash(t *testing.T) {
	for _, phase := range phases {
		bubble(t, func(b bench) {
			lease, err := b.store.Acquire(b.Context(), key, "a", leaseTTL)
			if err != nil {
				b.Fatal(err)
			}
			crashed := time.Now()
			time.Sleep(phase)
			second := <-b.standby(leased("b", true))
			defer second.Close(context.Background())
			if waited := time.Since(crashed); waited > leaseTTL+100*time.Millisecond {
				b.Errorf("it took over after %v, want the lease's %v and 100 ms at most", waited, leaseTTL)
			}
			_, err = b.store.SetIfNewer(b.Context(), key, at(9), checkpoint.Epoch(lease.Epoch))
			if !errors.Is(err, checkpoint.ErrFenced) {
				b.Errorf("what is left of the first writes: %v; want ErrFenced", err)
			}
		})
	}
}

func TestStandbyOutlivesAnOutage(t *testing.T) {
	bubble(t, func(b bench) {
		first := b.open(leased("a", false))
		opened := b.standby(leased("b", true))
		time.Sleep(time.Minute)
		b.mem.Fail(errEngine)
		time.Sleep(4 * time.Second)
		b.mem.Fail(nil)
		time.Sleep(time.Second)
		first.Close(b.Context())
		if second := <-opened; second != nil {
			second.Close(b.Context())
		}
	})
}

func TestStandbyGivesUpOnAStoreThatStaysAway(t *testing.T) {
	bubble(t, func(b bench) {
		b.open(leased("a", false))
		opts := leased("b", true)
		time.AfterFunc(time.Minute, func() { b.mem.Fail(errEngine) })
		start := time.Now()
		if err := b.openFails(opts); !errors.Is(err, errEngine) {
			b.Errorf("Open: %v; want the store's error", err)
		}
		if took := time.Since(start); took < 89*time.Second || took > 91*time.Second {
			b.Errorf("it gave up after %v, want a minute and FlushTimeout", took)
		}
		start = time.Now()
		if err := b.openFails(opts); !errors.Is(err, errEngine) || time.Since(start) > 0 {
			b.Errorf("a standby that never heard of a lease: %v after %v; want the store's error at once", err, time.Since(start))
		}
	})
}

func TestInstanceThatComesBackTakesOverFromItself(t *testing.T) {
	bubble(t, func(b bench) {
		first := b.open(leased("a", false))
		second := b.open(leased("a", false))
		b.track(first, 1).Done()
		<-first.Context().Done()
		if err := first.Err(); !errors.Is(err, checkpoint.ErrFenced) {
			b.Errorf("the former self says %v, want ErrFenced", err)
		}
		b.track(second, 1).Done()
		b.wantStored(1)
	})
}

func TestRewindEndsWhoIsAtWork(t *testing.T) {
	bubble(t, func(b bench) {
		opts := leased("a", false)
		opts.FlushAfter = time.Hour
		s := b.open(opts)
		if _, err := b.store.Rewind(b.Context(), key, at(0)); err != nil {
			b.Fatal(err)
		}
		time.Sleep(leaseTTL) // with nothing to flush, the renewal finds out
		if err := s.Err(); !errors.Is(err, subscription.ErrLeaseLost) || !errors.Is(err, checkpoint.ErrFenced) {
			b.Errorf("after a rewind the subscription says %v, want ErrLeaseLost", err)
		}
		if err := s.Close(b.Context()); !errors.Is(err, subscription.ErrLeaseLost) {
			b.Errorf("Close: %v", err)
		}
		b.wantStored(0)
	})
}

func TestLeaseThatCannotBeRenewedEndsInTime(t *testing.T) {
	bubble(t, func(b bench) {
		s := b.open(leased("a", false))
		time.Sleep(time.Hour)
		b.mem.Fail(errEngine)
		cut := time.Now()
		<-s.Context().Done()
		if lasted := time.Since(cut); lasted > leaseTTL {
			b.Errorf("cut off from the store it went on for %v, longer than its lease", lasted)
		}
		if err := s.Err(); !errors.Is(err, subscription.ErrLeaseLost) || !errors.Is(err, errEngine) {
			b.Errorf("it says %v, want ErrLeaseLost and the store's error", err)
		}
	})
}

func TestShortOutageDoesNotLoseTheLease(t *testing.T) {
	bubble(t, func(b bench) {
		s := b.open(leased("a", false))
		for range 100 {
			b.mem.Fail(errEngine)
			time.Sleep(leaseTTL / 3)
			b.mem.Fail(nil)
			time.Sleep(leaseTTL)
		}
		if err := s.Err(); err != nil {
			b.Errorf("the subscription has ended: %v", err)
		}
		b.track(s, 1).Done()
		b.wantStored(1)
	})
}

func TestWaitingForTheLeaseEndsWithItsContext(t *testing.T) {
	bubble(t, func(b bench) {
		b.open(leased("a", false))
		why := errors.New("the test's reason")
		ctx, cancel := context.WithTimeoutCause(b.Context(), time.Minute+time.Millisecond, why)
		defer cancel()
		opts := leased("b", true)
		if _, err := subscription.Open(ctx, b.store, key, &opts); !errors.Is(err, why) {
			b.Errorf("a standby that is called off: %v; want the context's cause", err)
		}
	})
}

// TestSubscriptionsShareAKeeper: their leases are renewed in the calls of one, and
// each is lost by itself.
func TestSubscriptionsShareAKeeper(t *testing.T) {
	bubble(t, func(b bench) {
		const n = 100
		renewals := new(renewals)
		b.store = checkpoint.New(b.mem, &checkpoint.Options{Observers: []checkpoint.Observer{renewals}})
		shared := keeper.New(b.store)
		goroutines := leaktest.InBubble()
		all := make([]*subscription.Subscription, n)
		for i := range all {
			opts := leased("a", false)
			opts.Lease.Keeper = shared
			var err error
			if all[i], err = subscription.Open(b.Context(), b.store, fmt.Sprint("orders/", i), &opts); err != nil {
				b.Fatal(err)
			}
			time.Sleep(leaseTTL / n)
		}
		if each := (leaktest.InBubble() - goroutines) / n; each > 1 {
			b.Errorf("a subscription needs %d goroutines, want that of its flushes alone", each)
		}
		before := renewals.calls.Load()
		const turns = 100
		time.Sleep(turns * leaseTTL)
		if calls := renewals.calls.Load() - before; calls > 4*turns {
			b.Errorf("in %d times their TTL %d leases needed %d calls, want about three in each", turns, n, calls)
		}
		if _, err := b.store.Rewind(b.Context(), "orders/7", at(0)); err != nil {
			b.Fatal(err)
		}
		time.Sleep(leaseTTL)
		for i, s := range all {
			if err := s.Err(); errors.Is(err, subscription.ErrLeaseLost) != (i == 7) {
				b.Errorf("after a rewind of 7 alone subscription %d says %v", i, err)
			}
			s.Close(b.Context())
		}
	})
}

// renewals counts calls that renew leases.
type renewals struct{ calls atomic.Int64 }

func (r *renewals) CallEnd(_ context.Context, call checkpoint.Call, _ checkpoint.CallResult) {
	if call.Op == "renewMany" {
		r.calls.Add(1)
	}
}

func TestKeeperOfAnotherStoreIsRefused(t *testing.T) {
	bubble(t, func(b bench) {
		opts := leased("a", false)
		opts.Lease.Keeper = keeper.New(checkpoint.New(memstore.New(), nil))
		if err := b.openFails(opts); err == nil || !strings.Contains(err.Error(), "Lease.Keeper") {
			b.Errorf("Open: %v; want an error that names Lease.Keeper", err)
		}
		b.wantReleased()
	})
}

func TestOpenThatFailsReleasesTheLease(t *testing.T) {
	bubble(t, func(b bench) {
		b.mem.Damage(key)
		opts := leased("a", false)
		if _, err := subscription.Open(b.Context(), b.store, key, &opts); !errors.Is(err, checkpoint.ErrCorrupt) {
			b.Fatalf("Open: %v", err)
		}
		if _, err := b.store.Acquire(b.Context(), key, "b", leaseTTL); err != nil {
			b.Errorf("after an Open that failed the lease is held: %v", err)
		}
	})
}
