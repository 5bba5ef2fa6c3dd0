package subscription_test

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/subscription"
)

var errReader = errors.New("the log is cut off")

// failing yields 1 to to, and fails after a minute.
func failing(to uint64) log {
	return func(ctx context.Context) iter.Seq2[uint64, error] {
		return func(yield func(uint64, error) bool) {
			for n, err := range events(to)(ctx) {
				if !yield(n, err) {
					return
				}
			}
			time.Sleep(time.Minute)
			yield(0, errReader)
		}
	}
}

// records is a log that may be read while it is written.
type records struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (r *records) Write(line []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(line)
}

func (r *records) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

func (r *records) logger() *slog.Logger { return slog.New(slog.NewTextHandler(r, nil)) }

// retrying makes one more attempt for ever.
func retrying(wait time.Duration) func(int, error) (time.Duration, bool) {
	return func(int, error) (time.Duration, bool) { return wait, true }
}

// TestReadersEndIsNotHidden: retries, and events that wait for them, could keep a run
// going that reads nothing any more.
func TestReadersEndIsNotHidden(t *testing.T) {
	fails := func(context.Context, uint64) error { return errHandler }
	park := func(context.Context, uint64, error) error { return nil }
	for name, h := range map[string]subscription.Handler[uint64]{
		"one event that is retried for ever": {Handle: fails, Retry: retrying(time.Second)},
		"without a wait":                     {Handle: fails, Retry: retrying(0)},
		"events retried and parked": {
			Handle: fails, Park: park,
			Retry: func(attempt int, _ error) (time.Duration, bool) { return time.Second << attempt, attempt < 5 },
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(b bench) {
				if name == "without a wait" {
					h.Handle = func(context.Context, uint64) error {
						time.Sleep(time.Millisecond)
						return errHandler
					}
				}
				opts := leased("a", false)
				s := b.open(opts)
				h.Position = at
				start := time.Now()
				err := subscription.Run(b.Context(), s, failing(900), h)
				if took := time.Since(start); took > time.Minute+time.Second {
					b.Errorf("Run returned %v after the reader had failed", took-time.Minute)
				}
				if !errors.Is(err, errReader) || !errors.Is(s.Err(), errReader) || s.Context().Err() == nil {
					b.Errorf("Run: %v, Err: %v, the context: %v; want the reader's error", err, s.Err(), s.Context().Err())
				}
				if n := strings.Count(err.Error(), errReader.Error()); n != 1 {
					b.Errorf("the error tells %d times of the reader's: %v", n, err)
				}
				if err := s.Close(b.Context()); err != nil {
					b.Errorf("Close: %v, which Run has said", err)
				}
				b.wantReleased()
			})
		})
	}
}

// TestReadersErrorIsToldAtOnce, while handlers at work finish, and are stored.
func TestReadersErrorIsToldAtOnce(t *testing.T) {
	bubble(t, func(b bench) {
		var text records
		s := b.open(subscription.Options{FlushAfter: time.Hour, Logger: text.logger()})
		h := handling(func(ctx context.Context, _ uint64) error {
			select {
			case <-time.After(70 * time.Second):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
		h.Workers = 2
		returned := make(chan error)
		go func() { returned <- subscription.Run(b.Context(), s, failing(10), h) }()
		time.Sleep(time.Minute)
		synctest.Wait()
		if !errors.Is(s.Err(), errReader) || !strings.Contains(text.String(), errReader.Error()) {
			b.Errorf("at once Err is %v, and the log says %q; want the reader's error", s.Err(), text.String())
		}
		if err := <-returned; !errors.Is(err, errReader) {
			b.Errorf("Run: %v; want the reader's error", err)
		}
		s.Close(b.Context())
		b.wantStored(2)
	})
}

// TestReaderThatFailsEarlyLetsTheConsumerGoOn, run after run, past what it has read: a
// little each time, if the handlers are slow.
func TestReaderThatFailsEarlyLetsTheConsumerGoOn(t *testing.T) {
	bubble(t, func(b bench) {
		early := func(context.Context) iter.Seq2[uint64, error] {
			return func(yield func(uint64, error) bool) {
				for n := b.stored() + 1; n <= 20; n++ {
					if !yield(n, nil) {
						return
					}
				}
				yield(0, errReader)
			}
		}
		h := handling(func(context.Context, uint64) error {
			time.Sleep(400 * time.Millisecond)
			return nil
		})
		for _, want := range []uint64{3, 6, 9} {
			s := b.open(subscription.Options{})
			if err := subscription.Run(b.Context(), s, early, h); !errors.Is(err, errReader) {
				b.Errorf("Run: %v; want the reader's error", err)
			}
			s.Close(b.Context())
			b.wantStored(want)
		}
	})
}

// TestReaderThatGoesBackEndsTheSubscription: its fault is found by Track, or Skip.
func TestReaderThatGoesBackEndsTheSubscription(t *testing.T) {
	bubble(t, func(b bench) {
		s := b.open(subscription.Options{})
		back := func(context.Context) iter.Seq2[uint64, error] {
			return func(yield func(uint64, error) bool) { _ = yield(2, nil) && yield(1, nil) }
		}
		h := handling(func(context.Context, uint64) error { return errHandler })
		h.Retry = retrying(time.Second)
		if err := subscription.Run(b.Context(), s, back, h); err == nil || s.Err() == nil {
			b.Errorf("Run: %v, Err: %v; want that 1 comes after 2", err, s.Err())
		}
	})
}

// TestReaderWhoseLeaseIsLostWhileHandlersFinish has two ends to tell of.
func TestReaderWhoseLeaseIsLostWhileHandlersFinish(t *testing.T) {
	bubble(t, func(b bench) {
		s := b.open(leased("a", false))
		time.AfterFunc(61*time.Second, b.rewind)
		h := handling(func(ctx context.Context, _ uint64) error {
			<-ctx.Done()
			return ctx.Err()
		})
		err := subscription.Run(b.Context(), s, failing(1), h)
		if !errors.Is(err, errReader) || !errors.Is(err, subscription.ErrLeaseLost) || !errors.Is(s.Err(), errReader) {
			b.Errorf("Run: %v, Err: %v; want the reader's error, and of Run the lease's end, too", err, s.Err())
		}
	})
}

// deaf is a handler that ignores its context.
func deaf(free <-chan struct{}) subscription.Handler[uint64] {
	return handling(func(context.Context, uint64) error {
		<-free
		return nil
	})
}

// TestDeafHandlerKeepsNoRunFromReturning, whatever ends it.
func TestDeafHandlerKeepsNoRunFromReturning(t *testing.T) {
	for name, c := range map[string]struct {
		end  func(b bench, cancel context.CancelFunc)
		read log
		want error
	}{
		"after a signal":           {func(_ bench, cancel context.CancelFunc) { cancel() }, quiet(5), nil},
		"after a lost lease":       {func(b bench, _ context.CancelFunc) { b.rewind() }, quiet(5), subscription.ErrLeaseLost},
		"after the reader's error": {func(bench, context.CancelFunc) {}, failing(5), errReader},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(b bench) {
				free := make(chan struct{})
				opts := leased("a", false)
				opts.DrainTimeout = 10 * time.Second
				s := b.open(opts)
				ctx, cancel := context.WithCancel(b.Context())
				defer cancel()
				time.AfterFunc(time.Minute, func() { c.end(b, cancel) })
				start := time.Now()
				err := subscription.Run(ctx, s, c.read, deaf(free))
				if took := time.Since(start) - time.Minute; took > opts.DrainTimeout+leaseTTL/3+time.Second {
					b.Errorf("Run returned after %v", took)
				}
				if !errors.Is(err, subscription.ErrDrainTimeout) || c.want != nil && !errors.Is(err, c.want) {
					b.Errorf("Run: %v; want ErrDrainTimeout, and %v", err, c.want)
				}
				if !strings.Contains(err.Error(), at(1).String()) {
					b.Errorf("Run: %v; want the position of the event at work", err)
				}
				s.Close(b.Context())
				b.wantStored(0)
				close(free)
			})
		})
	}
}

// TestDeafHandlerKeepsTheLease: a standby that took over at once would handle the
// same event at the same time.
func TestDeafHandlerKeepsTheLease(t *testing.T) {
	bubble(t, func(b bench) {
		free := make(chan struct{})
		s := b.open(leased("a", false))
		ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
		defer cancel()
		if err := subscription.Run(ctx, s, quiet(1), deaf(free)); !errors.Is(err, subscription.ErrDrainTimeout) {
			b.Errorf("Run: %v; want ErrDrainTimeout", err)
		}
		if err := s.Close(b.Context()); err == nil || !strings.Contains(err.Error(), "not released") {
			b.Errorf("Close: %v; want that the lease is not released", err)
		}
		if _, err := b.store.Acquire(b.Context(), key, "b", leaseTTL); !errors.Is(err, checkpoint.ErrLeaseHeld) {
			b.Errorf("another gets the lease at once: %v", err)
		}
		time.Sleep(leaseTTL)
		b.wantReleased()
		close(free)
	})
}

// TestHandlerThatWatchesItsContextIsCalledOff when DrainTimeout is over.
func TestHandlerThatWatchesItsContextIsCalledOff(t *testing.T) {
	bubble(t, func(b bench) {
		opts := leased("a", false)
		opts.DrainTimeout = 10 * time.Second
		s := b.open(opts)
		h := handling(func(ctx context.Context, _ uint64) error {
			<-ctx.Done()
			return ctx.Err()
		})
		h.Park = func(_ context.Context, n uint64, _ error) error {
			b.Errorf("event %d is parked", n)
			return nil
		}
		ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
		defer cancel()
		start := time.Now()
		err := subscription.Run(ctx, s, quiet(1), h)
		if took := time.Since(start) - time.Minute; took != opts.DrainTimeout || !errors.Is(err, subscription.ErrDrainTimeout) {
			b.Errorf("Run: %v after %v; want ErrDrainTimeout after %v", err, took, opts.DrainTimeout)
		}
		if err := s.Close(b.Context()); err != nil {
			b.Error(err)
		}
		b.wantReleased()
	})
}
