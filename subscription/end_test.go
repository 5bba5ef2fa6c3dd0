package subscription_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/subscription"
)

// What a handler says must not be taken for what the subscription says itself.

func TestErrClosedOfAHandlerShows(t *testing.T) {
	bubble(t, func(b bench) {
		s := b.open(subscription.Options{})
		b.track(s, 1).Fail(fmt.Errorf("the next stage: %w", subscription.ErrClosed))
		if s.Err() == nil {
			b.Error("a failed event does not show")
		}
	})
}

func TestErrFencedOfAHandlerKeepsNothingFromBeingStored(t *testing.T) {
	bubble(t, func(b bench) {
		opts := leased("a", false)
		opts.FlushEvery, opts.FlushAfter = 0, time.Hour
		s := b.open(opts)
		b.track(s, 1).Done()
		b.track(s, 2).Fail(fmt.Errorf("another key: %w", checkpoint.ErrFenced))
		if err := s.Close(b.Context()); !errors.Is(err, checkpoint.ErrFenced) {
			b.Errorf("Close: %v; want the handler's error", err)
		}
		b.wantStored(1)
		b.wantReleased()
	})
}

func (b bench) wantReleased() {
	b.Helper()
	if _, err := b.store.Acquire(b.Context(), key, "another", leaseTTL); err != nil {
		b.Errorf("the lease is not released: %v", err)
	}
}

func TestWhoeverIsOvertakenReleasesTheLease(t *testing.T) {
	bubble(t, func(b bench) {
		s := b.open(leased("a", false))
		if err := b.store.Set(b.Context(), key, at(100)); err != nil {
			b.Fatal(err)
		}
		b.track(s, 1).Done()
		<-s.Context().Done()
		s.Close(b.Context())
		b.wantReleased()
	})
}

func TestOpenThatIsCalledOffReleasesTheLease(t *testing.T) {
	take := func(method string) time.Duration {
		if method == "get" {
			return forEver
		}
		return 0
	}
	slowly(t, take, func(b bench) {
		ctx, cancel := context.WithTimeout(b.Context(), time.Second)
		defer cancel()
		opts := leased("a", false)
		if _, err := subscription.Open(ctx, b.store, key, &opts); err == nil {
			b.Fatal("Open did not end with its context")
		}
		b.wantReleased()
	})
}

func TestReleaseThatHangsIsGivenUp(t *testing.T) {
	take := func(method string) time.Duration {
		if method == "release" {
			return forEver
		}
		return 0
	}
	slowly(t, take, func(b bench) {
		s := b.open(leased("a", false))
		start := time.Now()
		if err := s.Close(context.Background()); err == nil || time.Since(start) > 5*time.Second {
			b.Errorf("Close: %v after %v", err, time.Since(start))
		}
	})
}

// Without a TTL a checkpoint must not go on expiring as another run wrote it.
func TestTTLThatIsTakenAway(t *testing.T) {
	bubble(t, func(b bench) {
		if err := b.store.Set(b.Context(), key, at(1), checkpoint.TTL(time.Minute)); err != nil {
			b.Fatal(err)
		}
		b.open(subscription.Options{})
		time.Sleep(time.Hour)
		b.wantStored(1)
	})
}

func TestDoneTwiceCountsOnce(t *testing.T) {
	bubble(t, func(b bench) {
		s := b.open(subscription.Options{})
		w := b.track(s, 1)
		w.Done()
		w.Done()
		b.track(s, 2).Fail(errEngine)
		if n := s.Stats().Done; n != 1 {
			b.Errorf("%d events are done, want 1", n)
		}
	})
}

// KurrentDB may report the position of the last event again.
func TestSkipOfTheLastPosition(t *testing.T) {
	bubble(t, func(b bench) {
		s := b.open(subscription.Options{FlushEvery: 1})
		w := b.track(s, 1)
		if err := s.Skip(at(1)); err != nil {
			b.Error(err)
		}
		b.wantStored(0)
		w.Done()
		b.wantStored(1)
	})
}

func TestCloseAgainWaits(t *testing.T) {
	bubble(t, func(b bench) {
		s := b.open(subscription.Options{FlushAfter: time.Hour})
		b.track(s, 1).Done()
		b.mem.Fail(errEngine)
		go s.Close(context.Background())
		synctest.Wait()
		ctx, cancel := context.WithTimeout(b.Context(), time.Second)
		defer cancel()
		if err := s.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			b.Errorf("while the first Close is at work: %v; want the context's end", err)
		}
		b.mem.Fail(nil)
		if err := s.Close(b.Context()); err != nil {
			b.Error(err)
		}
		b.wantStored(1)
	})
}

// TestRunParksNothingThatItsEndInterrupts: another instance handles it, and the
// handlers need not say why they gave up.
func TestRunParksNothingThatItsEndInterrupts(t *testing.T) {
	for name, says := range map[string]func(context.Context) error{
		"with the cause": context.Cause, "with the context's error": context.Context.Err,
		"with an error of their own": func(context.Context) error { return errors.New("interrupted") },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(b bench) {
				s := b.open(leased("a", false))
				time.AfterFunc(time.Minute, func() { b.store.Rewind(context.Background(), key, at(0)) })
				h := handling(func(ctx context.Context, _ uint64) error {
					<-ctx.Done()
					return says(ctx)
				})
				h.Workers = 9
				h.Park = func(_ context.Context, n uint64, reason error) error {
					b.Errorf("event %d was parked: %v", n, reason)
					return nil
				}
				if err := subscription.Run(b.Context(), s, events(20), h); !errors.Is(err, subscription.ErrLeaseLost) {
					b.Errorf("Run: %v; want ErrLeaseLost", err)
				}
			})
		})
	}
}

// TestRunThatPanicsLeavesNobodyAtWork: whoever recovers, or closes the
// subscription on the way, may be followed by another instance.
func TestRunThatPanicsLeavesNobodyAtWork(t *testing.T) {
	bubble(t, func(b bench) {
		opts := leased("a", false)
		opts.DrainTimeout = time.Hour
		s := b.open(opts)
		var j journal
		h := handling(func(_ context.Context, n uint64) error {
			time.Sleep(time.Minute)
			j.add(n)
			return nil
		})
		h.Workers = 2
		h.Position = func(n uint64) checkpoint.Position {
			if n == 5 {
				time.Sleep(time.Second)
				panic(errReader)
			}
			return at(n)
		}
		func() {
			defer func() {
				err, _ := recover().(error)
				if !errors.Is(err, errReader) || !strings.Contains(err.Error(), "end_test.go") {
					b.Errorf("recovered %v, want the reader's error and stack", err)
				}
			}()
			_ = subscription.Run(b.Context(), s, events(10), h)
		}()
		if err := s.Close(b.Context()); err != nil {
			b.Error(err)
		}
		b.wantStored(2) // which were at work, and nothing else is left
		time.Sleep(time.Hour)
		if len(j.done) != 2 {
			b.Errorf("%d events were handled, want the 2 that were at work", len(j.done))
		}
	})
}

// TestOpenThatFailsReleasesTheLeaseFirst: its report may hang, for as long as the release may
// take. Which of the two ends first is up to chance, so there are some rounds.
func TestOpenThatFailsReleasesTheLeaseFirst(t *testing.T) {
	take := func(method string) time.Duration {
		if method == "report" {
			return forEver
		}
		return 0
	}
	for range 20 {
		slowly(t, take, func(b bench) {
			opts := leased("a", false)
			opts.Missing = subscription.Refuse
			if _, err := subscription.Open(b.Context(), b.store, key, &opts); !errors.Is(err, subscription.ErrNoCheckpoint) {
				b.Fatalf("Open: %v, want ErrNoCheckpoint", err)
			}
			b.wantReleased()
		})
	}
}
