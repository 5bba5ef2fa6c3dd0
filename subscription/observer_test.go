package subscription_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/subscription"
)

// A listener has every hook, and notes what it hears.
type listener struct {
	mu    sync.Mutex
	heard []string
}

func (l *listener) note(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.heard = append(l.heard, fmt.Sprintf(format, args...))
}

func (l *listener) Flushed(f subscription.Flush) {
	l.note("flushed %s %s after %v: %v", f.Key, f.Position, f.Duration, reasonOf(f.Err))
}

func (l *listener) LagRead(key string, lag uint64) { l.note("lag of %s: %d", key, lag) }

func (l *listener) LeaseGained(lease checkpoint.Lease) {
	l.note("%s gained %s, epoch %d", lease.Owner, lease.Key, lease.Epoch)
}

func (l *listener) LeaseLost(lease checkpoint.Lease, reason error) {
	l.note("%s lost %s, epoch %d: %v", lease.Owner, lease.Key, lease.Epoch, reasonOf(reason))
}

func (l *listener) EventDone(e subscription.Event) { l.event("done", e) }

func (l *listener) EventFailed(e subscription.Event) { l.event("failed", e) }

func (l *listener) EventRetried(e subscription.Event) { l.event("retried", e) }

func (l *listener) EventStuck(e subscription.Event) { l.event("stuck", e) }

func (l *listener) EventParked(e subscription.Event) { l.event("parked", e) }

func (l *listener) event(what string, e subscription.Event) {
	l.note("%s of %s %s after %v, attempt %d: %v", e.Position, e.Key, what, e.Duration, e.Attempt, reasonOf(e.Err))
}

// reasonOf is the part of err that the test made, or that it can expect.
func reasonOf(err error) error {
	for _, reason := range []error{errEngine, errHandler, checkpoint.ErrFenced} {
		if errors.Is(err, reason) {
			return reason
		}
	}
	return err
}

var errHandler = errors.New("the handler's reason")

func (b bench) wantHeard(l *listener, want ...string) {
	b.Helper()
	synctest.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	if !slices.Equal(l.heard, want) {
		b.Errorf("heard %q\n want %q", l.heard, want)
	}
	l.heard = nil
}

// listened is options with l, a nil observer, and one without hooks.
func listened(l *listener) subscription.Options {
	opts := leased("a", false)
	opts.FlushEvery, opts.FlushAfter, opts.StuckAfter = 0, time.Hour, time.Hour
	opts.ReportEvery = -1
	opts.Observers = []checkpoint.Observer{nil, l, struct{}{}}
	return opts
}

func TestObserverHearsOfFlushesAndTheLease(t *testing.T) {
	bubble(t, func(b bench) {
		var l listener
		opts := listened(&l)
		opts.Head = headAt(10)
		s := b.open(opts)
		b.wantHeard(&l, "a gained orders, epoch 1", "flushed orders C:0/P:0 after 0s: <nil>")
		b.track(s, 3).Done()
		b.mem.Fail(errEngine)
		time.AfterFunc(time.Millisecond, func() { b.mem.Fail(nil) })
		if err := s.Close(b.Context()); err != nil {
			b.Error(err)
		}
		b.wantHeard(&l, "C:3/P:3 of orders done after 0s, attempt 0: <nil>",
			"flushed orders C:3/P:3 after 0s: the engine is away", "flushed orders C:3/P:3 after 0s: <nil>")
		if _, err := s.Lag(b.Context()); err != nil {
			b.Error(err)
		}
		time.Sleep(time.Hour)
		b.wantHeard(&l, "lag of orders: 7") // and of no lease that is lost

		s = b.open(opts)
		b.rewind()
		time.Sleep(leaseTTL)
		s.Close(b.Context())
		b.wantHeard(&l, "a gained orders, epoch 2", "a lost orders, epoch 2: "+checkpoint.ErrFenced.Error())
	})
}

func TestObserverHearsOfFlushesInTheBackground(t *testing.T) {
	bubble(t, func(b bench) {
		var l listener
		opts := listened(&l)
		opts.Lease, opts.Head, opts.Missing = nil, headAt(7), subscription.FromHead
		opts.FlushAfter = time.Second
		s := b.open(opts)
		b.wantHeard(&l, "flushed orders C:7/P:7 after 0s: <nil>")
		if err := s.Skip(at(8)); err != nil {
			b.Error(err)
		}
		time.Sleep(time.Second)
		b.wantHeard(&l, "flushed orders C:8/P:8 after 0s: <nil>")
	})
}

func TestObserverHearsOfEvents(t *testing.T) {
	bubble(t, func(b bench) {
		var l listener
		opts := listened(&l)
		opts.Lease = nil
		s := b.open(opts)
		h := handling(func(_ context.Context, n uint64) error {
			time.Sleep(time.Second)
			if n > 1 {
				return errHandler
			}
			return nil
		})
		h.Retry = func(attempt int, _ error) (time.Duration, bool) { return time.Minute, attempt < 2 }
		h.Park = func(_ context.Context, n uint64, _ error) error {
			if n == 3 {
				return errEngine
			}
			return nil
		}
		if err := subscription.Run(b.Context(), s, events(3), h); !errors.Is(err, errEngine) {
			b.Errorf("Run: %v; want the reason why the last event was not parked", err)
		}
		b.wantHeard(&l,
			"flushed orders C:0/P:0 after 0s: <nil>",
			"C:1/P:1 of orders done after 1s, attempt 0: <nil>",
			"C:2/P:2 of orders retried after 2s, attempt 1: the handler's reason",
			"C:2/P:2 of orders parked after 1m3s, attempt 2: the handler's reason",
			"C:2/P:2 of orders done after 1m3s, attempt 0: the handler's reason",
			"C:3/P:3 of orders retried after 1m4s, attempt 1: the handler's reason",
			"C:3/P:3 of orders failed after 2m5s, attempt 0: the engine is away",
		)
	})
}

// TestObserverHearsOfAnEventOnce: a handler may defer Done.
func TestObserverHearsOfAnEventOnce(t *testing.T) {
	bubble(t, func(b bench) {
		var l listener
		opts := listened(&l)
		opts.Lease = nil
		s := b.open(opts)
		done, failing := b.track(s, 1), b.track(s, 2)
		for range 2 {
			done.Done()
			failing.Fail(errHandler)
			failing.Done()
		}
		b.wantHeard(&l, "flushed orders C:0/P:0 after 0s: <nil>",
			"C:1/P:1 of orders done after 0s, attempt 0: <nil>",
			"C:2/P:2 of orders failed after 0s, attempt 0: the handler's reason")
	})
}

// TestObserverThatHangsKeepsNobodyAtWork: another instance may be at work already.
func TestObserverThatHangsKeepsNobodyAtWork(t *testing.T) {
	bubble(t, func(b bench) {
		free := make(chan struct{})
		opts := leased("a", false)
		opts.Observers = []checkpoint.Observer{hanging(free)}
		s := b.open(opts)
		b.rewind()
		time.Sleep(leaseTTL)
		synctest.Wait()
		if !errors.Is(s.Err(), subscription.ErrLeaseLost) {
			b.Errorf("after the lease has ended it says %v, want ErrLeaseLost", s.Err())
		}
		close(free)
	})
}

type hanging chan struct{}

func (h hanging) LeaseLost(checkpoint.Lease, error) { <-h }
