package keeper_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/internal/leaktest"
	"github.com/checkpointstore/checkpoint/keeper"
	"github.com/checkpointstore/checkpoint/memstore"
)

const ttl = 15 * time.Second

var errEngine = errors.New("the engine is away")

// engine is a memstore whose renewals a test can see and disturb.
type engine struct {
	*memstore.Driver
	mu    sync.Mutex
	calls []int                            // how many leases each renewal had
	hold  func(context.Context, int) error // is set first, and called with the number of the call, from 1
	late  time.Duration                    // how long an answer takes to come back
}

func (e *engine) Renew(ctx context.Context, leases []driver.Lease) ([]driver.LeaseResult, error) {
	e.mu.Lock()
	e.calls = append(e.calls, len(leases))
	n, hold := len(e.calls), e.hold
	e.mu.Unlock()
	if hold != nil {
		if err := hold(ctx, n); err != nil {
			return nil, err
		}
	}
	defer time.Sleep(e.late)
	return e.Driver.Renew(ctx, leases)
}

func (e *engine) made() []int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.calls
}

// A bench is a keeper in a bubble of fake time.
type bench struct {
	*testing.T
	engine *engine
	store  *checkpoint.Store
	keeper *keeper.Keeper
}

func bubble(t *testing.T, f func(b bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		e := &engine{Driver: memstore.New()}
		store := checkpoint.New(e, nil)
		f(bench{t, e, store, keeper.New(store)})
	})
}

// keep acquires a lease and adds it.
func (b bench) keep(key string, ttl time.Duration) *keeper.Lease {
	b.Helper()
	asked := time.Now()
	lease, err := b.store.Acquire(b.Context(), key, "a", ttl)
	if err != nil {
		b.Fatal(err)
	}
	kept, err := b.keeper.Add(lease, asked)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = kept.Remove(context.Background()) })
	return kept
}

func (b bench) wantKept(leases ...*keeper.Lease) {
	b.Helper()
	for _, l := range leases {
		if err := context.Cause(l.Context()); err != nil {
			b.Errorf("the lease on %q has ended: %v", l.Lease().Key, err)
		}
		_, err := b.store.Acquire(b.Context(), l.Lease().Key, "another", ttl)
		if !errors.Is(err, checkpoint.ErrLeaseHeld) {
			b.Errorf("the engine grants the lease on %q to another: %v", l.Lease().Key, err)
		}
	}
}

// wantLost waits for the end of l, and holds it to the time that it may last.
func (b bench) wantLost(l *keeper.Lease, since time.Time, reason error) {
	b.Helper()
	<-l.Context().Done()
	if lasted := time.Since(since); lasted > l.Lease().TTL {
		b.Errorf("the lease lasted for %v, its TTL is %v", lasted, l.Lease().TTL)
	}
	if err := context.Cause(l.Context()); !errors.Is(err, keeper.ErrLost) || !errors.Is(err, reason) {
		b.Errorf("it ended with %v; want ErrLost and %v", err, reason)
	}
}

func TestManyLeasesShareCallsAndOneGoroutine(t *testing.T) {
	bubble(t, func(b bench) {
		const n = 500
		goroutines := leaktest.InBubble()
		leases := make([]*keeper.Lease, n)
		for i := range leases {
			leases[i] = b.keep(fmt.Sprint("orders/", i), ttl)
			time.Sleep(ttl / n)
		}
		if more := leaktest.InBubble() - goroutines; more != 1 {
			b.Errorf("%d leases need %d goroutines, want 1", n, more)
		}
		before := len(b.engine.made())
		const turns = 100
		time.Sleep(turns * ttl)
		b.wantKept(leases...)
		if calls := len(b.engine.made()) - before; calls > 4*turns {
			b.Errorf("in %d times their TTL the leases needed %d calls, want about three in each", turns, calls)
		}
	})
}

func TestGoroutineEndsWithTheLastLease(t *testing.T) {
	bubble(t, func(b bench) {
		goroutines := leaktest.InBubble()
		for range 2 { // it can be used again
			first, second := b.keep("a", ttl), b.keep("b", ttl)
			if err := first.Remove(b.Context()); err != nil {
				b.Error(err)
			}
			time.Sleep(time.Hour)
			b.wantKept(second)
			if err := second.Remove(b.Context()); err != nil {
				b.Error(err)
			}
			synctest.Wait()
			if left := leaktest.InBubble() - goroutines; left != 0 {
				b.Errorf("without leases %d goroutines are left", left)
			}
		}
	})
}

func TestFencedLeaseEndsAlone(t *testing.T) {
	bubble(t, func(b bench) {
		others := []*keeper.Lease{b.keep("a", ttl), b.keep("c", ttl)}
		fenced := b.keep("b", ttl)
		if _, err := b.store.Rewind(b.Context(), "b", checkpoint.Position{}); err != nil {
			b.Fatal(err)
		}
		rewound := time.Now()
		b.wantLost(fenced, rewound, checkpoint.ErrFenced)
		if waited := time.Since(rewound); waited > ttl/3 {
			b.Errorf("it ended %v after the rewind, want at the next renewal", waited)
		}
		time.Sleep(time.Hour)
		b.wantKept(others...)
	})
}

func TestFailuresAreRetried(t *testing.T) {
	bubble(t, func(b bench) {
		l := b.keep("a", ttl)
		for range 100 {
			b.engine.Fail(errEngine)
			time.Sleep(ttl / 2)
			b.engine.Fail(nil)
			time.Sleep(ttl / 2)
		}
		b.wantKept(l)
	})
}

func TestLeaseThatCannotBeRenewedEndsInTime(t *testing.T) {
	bubble(t, func(b bench) {
		leases := []*keeper.Lease{b.keep("a", ttl), b.keep("b", ttl/10), b.keep("c", 10*ttl)}
		time.Sleep(time.Hour)
		b.engine.Fail(errEngine)
		cut := time.Now()
		for _, l := range []int{1, 0, 2} {
			if l := leases[l]; time.Since(cut) < l.Lease().TTL/2 && l.Context().Err() != nil {
				b.Errorf("the lease on %q is given up after %v", l.Lease().Key, time.Since(cut))
			}
			b.wantLost(leases[l], cut, errEngine)
		}
	})
}

// TestDamagedLeaseFailsAlone: the engine answers for each lease by itself.
func TestDamagedLeaseFailsAlone(t *testing.T) {
	bubble(t, func(b bench) {
		damaged, other := b.keep("a", ttl), b.keep("b", ttl)
		b.engine.DamageFence("a")
		b.wantLost(damaged, time.Now(), checkpoint.ErrCorruptFence)
		b.wantKept(other)
	})
}

func hangUntil(ctx context.Context, end <-chan struct{}) error {
	select {
	case <-end:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// TestEngineThatHangsEndsTheLease also where the engine does not look at its
// context.
func TestEngineThatHangsEndsTheLease(t *testing.T) {
	for name, deaf := range map[string]bool{"and ends with its context": false, "for ever": true} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(b bench) {
				release := make(chan struct{})
				defer close(release)
				b.engine.hold = func(ctx context.Context, _ int) error {
					if deaf {
						ctx = context.Background()
					}
					return hangUntil(ctx, release)
				}
				start := time.Now()
				short, long := b.keep("a", ttl), b.keep("b", 10*ttl)
				<-short.Context().Done()
				if lasted := time.Since(start); lasted != ttl {
					b.Errorf("the lease lasted for %v, its TTL is %v", lasted, ttl)
				}
				<-long.Context().Done()
				if lasted := time.Since(start); lasted != 10*ttl {
					b.Errorf("the lease lasted for %v, its TTL is %v", lasted, 10*ttl)
				}
				for _, l := range []*keeper.Lease{short, long} {
					err := context.Cause(l.Context())
					if !errors.Is(err, keeper.ErrLost) || !strings.Contains(err.Error(), "no answer in time") {
						b.Errorf("it ended with %v; want ErrLost, and that there was no answer", err)
					}
				}
			})
		})
	}
}

// TestOneCallThatHangsLosesNothing: a connection may be dead where the next is not.
func TestOneCallThatHangsLosesNothing(t *testing.T) {
	bubble(t, func(b bench) {
		b.engine.hold = func(ctx context.Context, n int) error {
			if n%2 == 1 {
				return hangUntil(ctx, nil)
			}
			return nil
		}
		leases := []*keeper.Lease{b.keep("a", ttl), b.keep("b", ttl), b.keep("c", 2*ttl)}
		time.Sleep(time.Hour)
		b.wantKept(leases...)
	})
}

// TestLeaseAddedWhileACallHangs has a TTL that is much shorter than what the call
// may take.
func TestLeaseAddedWhileACallHangs(t *testing.T) {
	bubble(t, func(b bench) {
		b.engine.hold = func(ctx context.Context, n int) error {
			if n == 1 {
				return hangUntil(ctx, nil)
			}
			return nil
		}
		long := b.keep("a", 100*ttl)
		time.Sleep(100 * ttl / 2)
		if calls := len(b.engine.made()); calls != 1 {
			b.Fatalf("there were %d calls, want the one that hangs", calls)
		}
		middle, short := b.keep("b", 10*ttl), b.keep("c", ttl)
		time.Sleep(time.Hour)
		b.wantKept(long, middle, short)
	})
}

func TestSlowCallsKeepTheLease(t *testing.T) {
	bubble(t, func(b bench) {
		b.engine.hold = func(ctx context.Context, _ int) error {
			time.Sleep(ttl * 4 / 10)
			return ctx.Err()
		}
		l := b.keep("a", ttl)
		time.Sleep(time.Hour)
		b.wantKept(l)
	})
}

// TestLeaseCountsFromBeforeTheRequest and not from its answer, which comes late.
func TestLeaseCountsFromBeforeTheRequest(t *testing.T) {
	bubble(t, func(b bench) {
		b.engine.late = ttl / 4
		b.engine.hold = func(ctx context.Context, n int) error {
			if n > 10 {
				return hangUntil(ctx, nil)
			}
			return nil
		}
		l := b.keep("a", ttl)
		<-l.Context().Done()
		if cell, err := b.store.Inspect(b.Context(), "a"); err != nil || cell.Lease.ExpiresAt.Before(time.Now()) {
			b.Errorf("the engine has ended the lease at %v, %v, before its holder", cell.Lease.ExpiresAt, err)
		}
	})
}

// TestReasonOfALossIsTheEnginesOwn: that a call was given up says less.
func TestReasonOfALossIsTheEnginesOwn(t *testing.T) {
	bubble(t, func(b bench) {
		b.engine.hold = func(ctx context.Context, n int) error {
			if n == 1 {
				return errEngine
			}
			return hangUntil(ctx, nil)
		}
		b.wantLost(b.keep("a", ttl), time.Now(), errEngine)
	})
}

func TestShortLeasesDoNotRenewLongOnesMoreOften(t *testing.T) {
	bubble(t, func(b bench) {
		short, long := b.keep("a", time.Second), b.keep("b", time.Minute)
		time.Sleep(100 * time.Minute)
		b.wantKept(short, long)
		both := 0
		for _, leases := range b.engine.made() {
			both += leases - 1
		}
		if both < 300 || both > 601 {
			b.Errorf("in a hundred times its TTL the long lease was renewed %d times, want 300 to 600", both)
		}
	})
}
