package subscription_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/memstore"
	"github.com/checkpointstore/checkpoint/subscription"
)

type log = func(context.Context) iter.Seq2[uint64, error]

// events yields 1 to to.
func events(to uint64) log {
	return func(context.Context) iter.Seq2[uint64, error] {
		return func(yield func(uint64, error) bool) {
			for n := uint64(1); n <= to; n++ {
				if !yield(n, nil) {
					return
				}
			}
		}
	}
}

// quiet yields 1 to to, and waits for more.
func quiet(to uint64) log {
	return func(ctx context.Context) iter.Seq2[uint64, error] {
		return func(yield func(uint64, error) bool) {
			for n, err := range events(to)(ctx) {
				if !yield(n, err) {
					return
				}
			}
			<-ctx.Done()
		}
	}
}

// A journal remembers what was handled, in order.
type journal struct {
	mu   sync.Mutex
	done []uint64
}

func (j *journal) add(n uint64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.done = append(j.done, n)
}

func handling(handle func(context.Context, uint64) error) subscription.Handling[uint64] {
	return subscription.Handling[uint64]{Position: at, Handle: handle}
}

func TestRunHandlesEverythingInOrder(t *testing.T) {
	bubble(t, func(b bench) {
		s := b.open(subscription.Options{})
		var j journal
		h := handling(func(_ context.Context, n uint64) error {
			j.add(n)
			return nil
		})
		h.Skip = func(n uint64) bool { return n%10 == 0 }
		if err := subscription.Run(b.Context(), s, events(1000), h); err != nil {
			b.Fatal(err)
		}
		if err := s.Close(b.Context()); err != nil {
			b.Fatal(err)
		}
		b.wantStored(1000)
		if len(j.done) != 900 || !slices.IsSorted(j.done) {
			b.Errorf("handled %d events, in order: %v", len(j.done), slices.IsSorted(j.done))
		}
	})
}

// TestRunEndsWhileNothingHappens: a log in which nothing happens must not keep
// an instance that is not at work any more.
func TestRunEndsWhileNothingHappens(t *testing.T) {
	bubble(t, func(b bench) {
		s := b.open(leased("a", false))
		time.AfterFunc(time.Minute, func() { b.store.Rewind(context.Background(), key, at(0)) })
		err := subscription.Run(b.Context(), s, quiet(3), handling(func(context.Context, uint64) error { return nil }))
		if !errors.Is(err, subscription.ErrLeaseLost) {
			b.Errorf("Run: %v; want ErrLeaseLost", err)
		}
	})
}

func TestRunNeverStoresPastUnfinishedWork(t *testing.T) {
	bubble(t, func(b bench) {
		s := b.open(subscription.Options{FlushEvery: 1})
		release := make(chan struct{})
		h := handling(func(_ context.Context, n uint64) error {
			if n == 5 {
				<-release
			}
			return nil
		})
		h.Workers = 4
		ended := make(chan error)
		go func() { ended <- subscription.Run(context.Background(), s, events(100), h) }()
		time.Sleep(time.Minute)
		b.wantStored(4)
		close(release)
		if err := <-ended; err != nil {
			b.Error(err)
		}
		time.Sleep(time.Minute)
		b.wantStored(100)
	})
}

func TestRunRetriesThenParks(t *testing.T) {
	bubble(t, func(b bench) {
		s := b.open(subscription.Options{})
		attempts := make(map[uint64]int)
		parked := make(map[uint64]error)
		broken := errors.New("broken for good")
		h := handling(func(_ context.Context, n uint64) error {
			attempts[n]++
			if n == 3 || n == 5 && attempts[n] < 3 {
				return broken
			}
			return nil
		})
		h.Retry = func(attempt int, _ error) (time.Duration, bool) { return time.Minute, attempt < 4 }
		h.Park = func(_ context.Context, n uint64, reason error) error {
			parked[n] = reason
			return nil
		}
		start := time.Now()
		if err := subscription.Run(b.Context(), s, events(10), h); err != nil {
			b.Fatal(err)
		}
		if took := time.Since(start); took != 5*time.Minute {
			b.Errorf("the retries took %v, want 3 and 2 minutes", took)
		}
		if attempts[3] != 4 || attempts[5] != 3 || len(parked) != 1 || !errors.Is(parked[3], broken) {
			b.Errorf("attempts %v, parked %v", attempts, parked)
		}
		s.Close(b.Context())
		b.wantStored(10)
	})
}

func TestRunStopsAtAFailedEvent(t *testing.T) {
	broken, full := errors.New("broken"), errors.New("the place for failed events is full")
	for name, park := range map[string]func(context.Context, uint64, error) error{
		"without a place for it": nil,
		"whose place fails":      func(context.Context, uint64, error) error { return full },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(b bench) {
				s := b.open(subscription.Options{})
				h := handling(func(_ context.Context, n uint64) error {
					if n == 7 {
						return broken
					}
					return nil
				})
				h.Park = park
				err := subscription.Run(b.Context(), s, events(100_000), h)
				if !errors.Is(err, broken) || park != nil && !errors.Is(err, full) {
					b.Errorf("Run: %v; want the handler's error", err)
				}
				if err := s.Close(b.Context()); err != nil {
					b.Errorf("Close: %v, which Run has said", err)
				}
				if err := s.Err(); !errors.Is(err, broken) {
					b.Errorf("Err: %v; want the handler's error", err)
				}
				b.wantStored(6)
			})
		})
	}
}

func TestRunDrainsWhenItsContextEnds(t *testing.T) {
	bubble(t, func(b bench) {
		s := b.open(subscription.Options{FlushAfter: time.Hour})
		var j journal
		h := handling(func(ctx context.Context, n uint64) error {
			time.Sleep(time.Second)
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			j.add(n)
			return nil
		})
		h.Workers = 3
		signal := errors.New("the signal")
		ctx, cancel := context.WithCancelCause(b.Context())
		time.AfterFunc(10*time.Second+time.Millisecond, func() { cancel(signal) })
		start := time.Now()
		if err := subscription.Run(ctx, s, events(1_000_000), h); err != nil {
			b.Error(err)
		}
		if took := time.Since(start); took > 12*time.Second {
			b.Errorf("it drained for %v", took)
		}
		if err := s.Close(b.Context()); err != nil {
			b.Error(err)
		}
		// Those that were at work have finished, and are stored.
		if len(j.done) != 33 {
			b.Errorf("%d events were handled, want 30 and the 3 that were at work", len(j.done))
		}
		b.wantStored(33)
	})
}

func TestRunEndsWithTheSubscription(t *testing.T) {
	bubble(t, func(b bench) {
		opts := leased("a", false)
		s := b.open(opts)
		h := handling(func(ctx context.Context, _ uint64) error {
			select {
			case <-time.After(time.Second):
				return nil
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		})
		time.AfterFunc(time.Minute, func() { b.store.Rewind(context.Background(), key, at(0)) })
		err := subscription.Run(b.Context(), s, events(1_000_000), h)
		if !errors.Is(err, checkpoint.ErrFenced) {
			b.Errorf("Run under a rewind: %v; want ErrFenced", err)
		}
		b.wantStored(0)
	})
}

func TestRunEndsWithTheEvents(t *testing.T) {
	bubble(t, func(b bench) {
		s := b.open(subscription.Options{})
		cut := errors.New("the log is cut off")
		broken := func(yield func(uint64, error) bool) {
			_ = yield(1, nil) && yield(2, nil) && yield(0, cut)
		}
		err := subscription.Run(b.Context(), s, func(context.Context) iter.Seq2[uint64, error] { return broken }, handling(func(context.Context, uint64) error { return nil }))
		if !errors.Is(err, cut) {
			b.Errorf("Run: %v; want the error of the events", err)
		}
		s.Close(b.Context())
		b.wantStored(2)
	})
}

func TestRunWithoutWhatItNeeds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := checkpoint.New(memstore.New(), nil)
		s, err := subscription.Open(t.Context(), store, key, &subscription.Options{Missing: subscription.FromStart})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close(context.Background())
		nothing := func(context.Context, uint64) error { return nil }
		for name, h := range map[string]subscription.Handling[uint64]{
			"Position": {Handle: nothing}, "Handle": {Position: at}, "Workers": {Position: at, Handle: nothing, Workers: -1},
		} {
			if err := subscription.Run(t.Context(), s, events(1), h); err == nil {
				t.Errorf("without a sound %s there is no error", name)
			}
		}
	})
}

// A reader may say by itself that its context has ended, and a failure that
// comes with the signal is no less of one.
func TestRunThatIsStopped(t *testing.T) {
	signal, broken := errors.New("the signal"), errors.New("broken")
	for name, c := range map[string]struct {
		read log
		want error
	}{
		"while nothing happens": {quiet(3), nil},
		"with a reader that says so": {func(ctx context.Context) iter.Seq2[uint64, error] {
			return func(yield func(uint64, error) bool) {
				<-ctx.Done()
				yield(0, fmt.Errorf("reading: %w", context.Cause(ctx)))
			}
		}, nil},
		"with a reader that does not know why": {func(ctx context.Context) iter.Seq2[uint64, error] {
			return func(yield func(uint64, error) bool) {
				<-ctx.Done()
				yield(0, fmt.Errorf("reading: %w", ctx.Err()))
			}
		}, nil},
		"with a reader that fails": {func(ctx context.Context) iter.Seq2[uint64, error] {
			return func(yield func(uint64, error) bool) {
				<-ctx.Done()
				yield(0, broken)
			}
		}, broken},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(b bench) {
				s := b.open(subscription.Options{})
				ctx, cancel := context.WithCancelCause(b.Context())
				time.AfterFunc(time.Minute, func() { cancel(signal) })
				err := subscription.Run(ctx, s, c.read, handling(func(context.Context, uint64) error { return nil }))
				if !errors.Is(err, c.want) || c.want == nil && err != nil {
					b.Errorf("Run: %v; want %v", err, c.want)
				}
			})
		})
	}
}

// A reader whose context has ended may not say why. A caller that takes
// context.Canceled for an orderly stop must not find it in the subscription's end.
func TestRunSaysWhyTheSubscriptionEndedAlone(t *testing.T) {
	bubble(t, func(b bench) {
		s := b.open(leased("a", false))
		time.AfterFunc(time.Minute, func() { b.store.Rewind(context.Background(), key, at(0)) })
		read := func(ctx context.Context) iter.Seq2[uint64, error] {
			return func(yield func(uint64, error) bool) {
				<-ctx.Done()
				yield(0, fmt.Errorf("reading: %w", ctx.Err()))
			}
		}
		err := subscription.Run(b.Context(), s, read, handling(func(context.Context, uint64) error { return nil }))
		if !errors.Is(err, subscription.ErrLeaseLost) || errors.Is(err, context.Canceled) {
			b.Errorf("Run: %v; want ErrLeaseLost alone", err)
		}
	})
}

// TestHandlerThatDoesNotReturn calls what t.FailNow calls.
func TestHandlerThatDoesNotReturn(t *testing.T) {
	for _, workers := range []int{1, 3} {
		bubble(t, func(b bench) {
			s := b.open(subscription.Options{})
			h := handling(func(_ context.Context, n uint64) error {
				if n == 5 {
					runtime.Goexit()
				}
				return nil
			})
			h.Workers = workers
			if err := subscription.Run(b.Context(), s, quiet(10), h); err == nil {
				b.Errorf("with %d workers, Run ended without an error", workers)
			}
			s.Close(b.Context())
			if stored := b.stored(); stored > 4 {
				b.Errorf("with %d workers, %d is stored, and 5 was not handled", workers, stored)
			}
		})
	}
}
