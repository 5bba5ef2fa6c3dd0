package subscription_test

import (
	"context"
	"errors"
	"iter"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/memstore"
	"github.com/checkpointstore/checkpoint/subscription"
)

// slow is a store behind a slow network: a request takes as long as take says
// of its method until it gets there.
type slow struct {
	*memstore.Driver
	take func(method string) time.Duration
}

func (s slow) arrives(ctx context.Context, method string) error {
	take := s.take(method)
	if take == 0 {
		// The race detector crashes if two goroutines of a bubble meet timers that are due.
		return ctx.Err()
	}
	timer := time.NewTimer(take)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s slow) Get(ctx context.Context, keys []string) ([]driver.Record, error) {
	if err := s.arrives(ctx, "get"); err != nil {
		return nil, err
	}
	return s.Driver.Get(ctx, keys)
}

func (s slow) Write(ctx context.Context, writes []driver.Write) ([]driver.Result, error) {
	if err := s.arrives(ctx, "write"); err != nil {
		return nil, err
	}
	return s.Driver.Write(ctx, writes)
}

func (s slow) Release(ctx context.Context, leases []driver.Lease) ([]driver.LeaseResult, error) {
	if err := s.arrives(ctx, "release"); err != nil {
		return nil, err
	}
	return s.Driver.Release(ctx, leases)
}

func (s slow) Renew(ctx context.Context, leases []driver.Lease) ([]driver.LeaseResult, error) {
	if err := s.arrives(ctx, "renew"); err != nil {
		return nil, err
	}
	return s.Driver.Renew(ctx, leases)
}

func (s slow) Report(ctx context.Context, reports []driver.Report) ([]driver.ReportResult, error) {
	if err := s.arrives(ctx, "report"); err != nil {
		return nil, err
	}
	return s.Driver.Report(ctx, reports)
}

const forEver = 100 * time.Hour

// slowly is a bubble whose store is slow.
func slowly(t *testing.T, take func(method string) time.Duration, f func(b bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		mem := memstore.New()
		f(bench{t, mem, checkpoint.New(slow{mem, take}, nil)})
	})
}

func TestSlowRenewalsKeepTheLease(t *testing.T) {
	take := func(method string) time.Duration {
		if method == "renew" {
			return leaseTTL * 4 / 10
		}
		return 0
	}
	slowly(t, take, func(b bench) {
		s := b.open(leased("a", false))
		time.Sleep(time.Hour)
		if err := s.Err(); err != nil {
			b.Errorf("renewals take less than half of the lease, and yet: %v", err)
		}
	})
}

// TestLeaseCountsFromBeforeItWasAskedFor loads slowly: much of the lease is over
// when Open returns.
func TestLeaseCountsFromBeforeItWasAskedFor(t *testing.T) {
	take := func(method string) time.Duration {
		switch method {
		case "get":
			return leaseTTL * 9 / 10
		case "renew": // which is asked for as soon as Open returns
			return forEver
		}
		return 0
	}
	slowly(t, take, func(b bench) {
		asked := time.Now()
		s := b.open(leased("a", false))
		<-s.Context().Done()
		if lasted := time.Since(asked); lasted > leaseTTL {
			b.Errorf("cut off from the store it went on for %v, longer than its lease", lasted)
		}
	})
}

// A flush that hangs costs no lease.
func TestHangingFlushDoesNotStopRenewals(t *testing.T) {
	take := func(method string) time.Duration {
		if method == "write" {
			return forEver
		}
		return 0
	}
	slowly(t, take, func(b bench) {
		opts := leased("a", false)
		opts.FlushTimeout = time.Hour
		s := b.open(opts)
		b.track(s, 1).Done()
		time.Sleep(time.Hour - time.Second)
		if err := s.Err(); err != nil {
			b.Errorf("while a flush hangs the subscription has ended: %v", err)
		}
		other := driver.Lease{Key: key, Owner: "b", TTL: leaseTTL}
		if _, err := driver.One(b.mem.Acquire(b.Context(), []driver.Lease{other})); !errors.Is(err, checkpoint.ErrLeaseHeld) {
			b.Errorf("while a flush hangs another gets the lease: %v", err)
		}
	})
}

func TestHangingRenewalDoesNotStopFlushes(t *testing.T) {
	take := func(method string) time.Duration {
		if method == "renew" {
			return forEver
		}
		return 0
	}
	slowly(t, take, func(b bench) {
		s := b.open(leased("a", false))
		time.Sleep(leaseTTL / 2) // a renewal is under way
		b.track(s, 1).Done()
		b.wantStored(1)
	})
}

func TestCloseGivesUpWhatHangsWithItsContext(t *testing.T) {
	for _, hanging := range []string{"write", "renew"} {
		t.Run(hanging, func(t *testing.T) {
			take := func(method string) time.Duration {
				if method == hanging {
					return forEver
				}
				return 0
			}
			slowly(t, take, func(b bench) {
				s := b.open(leased("a", false))
				b.track(s, 1).Done()
				time.Sleep(leaseTTL / 2)
				ctx, cancel := context.WithTimeout(b.Context(), time.Second)
				defer cancel()
				start := time.Now()
				if err := s.Close(ctx); err == nil {
					b.Error("Close says nothing of what it gave up")
				}
				if took := time.Since(start); took > time.Second {
					b.Errorf("Close took %v, its context lasted a second", took)
				}
				if err := s.Err(); err != nil {
					b.Errorf("a subscription that was closed says that it ended by itself: %v", err)
				}
			})
		})
	}
}

// TestHangingFlushKeepsTheReason: the store fails first, and then hangs.
func TestHangingFlushKeepsTheReason(t *testing.T) {
	var hangs atomic.Bool
	take := func(method string) time.Duration {
		if method == "write" && hangs.Load() {
			return forEver
		}
		return 0
	}
	for name, fails := range map[string]func(b bench, s *subscription.Subscription) error{
		"in the background": func(_ bench, s *subscription.Subscription) error {
			time.Sleep(time.Second + firstFailures)
			hangs.Store(true)
			<-s.Context().Done()
			return s.Err()
		},
		"of Close": func(b bench, s *subscription.Subscription) error {
			time.AfterFunc(firstFailures, func() { hangs.Store(true) })
			ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
			defer cancel()
			return s.Close(ctx)
		},
	} {
		t.Run(name, func(t *testing.T) {
			hangs.Store(false)
			slowly(t, take, func(b bench) {
				s := b.open(subscription.Options{})
				b.mem.Fail(errors.New("the first failure"))
				b.track(s, 1).Done()
				go func() {
					for s.Stats().FlushFailures == 0 {
						time.Sleep(time.Millisecond)
					}
					b.mem.Fail(errEngine)
				}()
				if err := fails(b, s); !errors.Is(err, errEngine) {
					b.Errorf("it says %v, want also the last error that the store gave", err)
				}
			})
		})
	}
}

// firstFailures is long enough for a flush to fail at least once.
const firstFailures = 200 * time.Millisecond

// TestConsumeWaitsForNoRenewalThatHangs: with a long TTL, a renewal may take minutes.
func TestConsumeWaitsForNoRenewalThatHangs(t *testing.T) {
	take := func(method string) time.Duration {
		if method == "renew" {
			return forEver
		}
		return 0
	}
	slowly(t, take, func(b bench) {
		opts := leased("a", false)
		opts.Lease.TTL, opts.FlushTimeout = 10*time.Minute, time.Second
		ended := opts.Lease.TTL/3 + time.Second // a renewal is under way
		ctx, cancel := context.WithTimeout(b.Context(), ended)
		defer cancel()
		began := time.Now()
		err := subscription.Consume(ctx, b.store, key, &opts,
			func(ctx context.Context, _ checkpoint.Position) iter.Seq2[uint64, error] { return endless(ctx) },
			subscription.Handler[uint64]{Position: at, Handle: func(context.Context, uint64) error { return nil }})
		if took := time.Since(began) - ended; took > 2*opts.FlushTimeout+5*time.Second {
			b.Errorf("Consume returned %v after its context had ended, %v", took, err)
		}
	})
}

// TestCloseStoresBeforeItWaitsForARenewal: one request may hang, on a connection
// of its own, where others do not.
func TestCloseStoresBeforeItWaitsForARenewal(t *testing.T) {
	take := func(method string) time.Duration {
		if method == "renew" {
			return forEver
		}
		return 0
	}
	for name, limit := range map[string]time.Duration{"for a while": time.Second, "for as long as it takes": forEver} {
		t.Run(name, func(t *testing.T) {
			slowly(t, take, func(b bench) {
				opts := leased("a", false)
				opts.FlushEvery, opts.FlushAfter = 0, time.Hour
				s := b.open(opts)
				b.track(s, 1).Done()
				time.Sleep(leaseTTL / 2) // a renewal is under way
				ctx, cancel := context.WithTimeout(b.Context(), limit)
				defer cancel()
				err := s.Close(ctx)
				b.wantStored(1)
				if limit == forEver {
					if err != nil || s.Err() != nil {
						b.Errorf("Close: %v, and Err: %v; want neither: all is stored, and the lease released", err, s.Err())
					}
					b.wantReleased()
				}
			})
		})
	}
}
