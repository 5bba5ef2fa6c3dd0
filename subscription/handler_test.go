package subscription_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/subscription"
)

// TestHandlerStoresThePosition: the subscription then writes nothing, and so
// cannot find itself overtaken by its own handler.
func TestHandlerStoresThePosition(t *testing.T) {
	bubble(t, func(b bench) {
		opts := leased("a", false)
		opts.StoredByHandler, opts.Head = true, headAt(20)
		s := b.open(opts)
		h := handling(func(ctx context.Context, n uint64) error {
			_, err := b.store.SetIfNewer(ctx, key, at(n), checkpoint.Epoch(s.Epoch()))
			time.Sleep(time.Second) // flushes would be due
			return err
		})
		if err := subscription.Run(b.Context(), s, events(10), h); err != nil {
			b.Error(err)
		}
		b.wantStored(10)
		if lag, err := s.Lag(b.Context()); err != nil || lag != 10 || s.Stats().Stored != at(10) || s.Stats().Flushes != 1 {
			b.Errorf("the lag is %d, %v, and Stats are %+v; want 10, the handler's position, and no flush but that of Open", lag, err, s.Stats())
		}
		if err := b.store.Set(b.Context(), key, at(11)); err != nil { // by a transaction that came late
			b.Fatal(err)
		}
		if err := s.Close(b.Context()); err != nil {
			b.Error(err)
		}
		b.wantStored(11)
	})
}

func TestWhereItBeginsIsStoredWhoeverStoresTheRest(t *testing.T) {
	for first, missing := range map[uint64]subscription.Missing{0: subscription.FromStart, 7: subscription.FromHead} {
		bubble(t, func(b bench) {
			b.open(subscription.Options{Missing: missing, Head: headAt(7), StoredByHandler: true})
			if cp, err := b.store.Get(b.Context(), key); err != nil || cp.Position != at(first) {
				b.Errorf("stored is %s, %v; want %s", cp.Position, err, at(first))
			}
		})
	}
}

// TestHandlerThatStoresThePositionHandlesInTheOrderOfTheLog: one that handles a
// later event first stores a position past work that is not done.
func TestHandlerThatStoresThePositionHandlesInTheOrderOfTheLog(t *testing.T) {
	for name, change := range map[string]func(*subscription.Handler[uint64]){
		"Workers": func(h *subscription.Handler[uint64]) { h.Workers = 2 },
		"OrderingKey": func(h *subscription.Handler[uint64]) {
			h.OrderingKey = func(n uint64) string { return fmt.Sprint(n < 3) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(b bench) {
				s := b.open(subscription.Options{StoredByHandler: true})
				done := make(map[uint64]bool)
				var mu sync.Mutex
				h := handling(func(ctx context.Context, n uint64) error {
					time.Sleep(time.Duration(5-n) * time.Second)
					mu.Lock()
					defer mu.Unlock()
					for before := uint64(1); before < n; before++ {
						if !done[before] {
							b.Errorf("%d is stored, and %d is not done", n, before)
						}
					}
					done[n] = true
					_, err := b.store.SetIfNewer(ctx, key, at(n))
					return err
				})
				change(&h)
				if err := subscription.Run(b.Context(), s, events(4), h); err == nil || !strings.Contains(err.Error(), name) {
					b.Errorf("Run: %v; want an error that names %s", err, name)
				}
				b.wantStored(0)
			})
		})
	}
}

// TestFencedHandlerParksNothing: the event is another instance's to handle, and
// to park, long before a renewal of the lease tells.
func TestFencedHandlerParksNothing(t *testing.T) {
	for name, store := range map[string]func(ctx context.Context, b bench, n, epoch uint64) error{
		"by SetIfNewer": func(ctx context.Context, b bench, n, epoch uint64) error {
			_, err := b.store.SetIfNewer(ctx, key, at(n), checkpoint.Epoch(epoch))
			return err
		},
		"by Apply": func(ctx context.Context, b bench, n, epoch uint64) error {
			outcomes, err := b.store.Apply(ctx, checkpoint.Write{
				Key: key, IfNewer: true, Mark: checkpoint.Mark{Position: at(n), Epoch: epoch},
			})
			if err == nil && outcomes[0] == checkpoint.Fenced {
				return checkpoint.ErrFenced
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(b bench) {
				opts := leased("a", false)
				opts.StoredByHandler = true
				s := b.open(opts)
				h := handling(func(ctx context.Context, n uint64) error {
					if n == 3 {
						if _, err := b.store.Rewind(ctx, key, at(0)); err != nil {
							return err
						}
					}
					return store(ctx, b, n, s.Epoch())
				})
				h.Retry = func(attempt int, err error) (time.Duration, bool) {
					b.Errorf("the event is tried again, after attempt %d: %v", attempt, err)
					return 0, false
				}
				h.Park = func(_ context.Context, n uint64, reason error) error {
					b.Errorf("event %d was parked: %v", n, reason)
					return nil
				}
				if err := subscription.Run(b.Context(), s, events(10), h); !errors.Is(err, checkpoint.ErrFenced) {
					b.Errorf("Run: %v; want ErrFenced", err)
				}
				b.wantStored(0)
			})
		})
	}
}

// A handler that does not store the LogID leaves a checkpoint without one, and so
// unguarded.
func TestHandlerStoresTheLogID(t *testing.T) {
	bubble(t, func(b bench) {
		opts := subscription.Options{StoredByHandler: true, LogID: "one"}
		if err := b.store.Set(b.Context(), key, at(0)); err != nil {
			b.Fatal(err)
		}
		for n, id := range []string{"", "one"} {
			s := b.open(opts)
			h := handling(func(ctx context.Context, n uint64) error {
				return b.store.Set(ctx, key, at(n), checkpoint.LogID(id))
			})
			one := func(context.Context) iter.Seq2[uint64, error] {
				return func(yield func(uint64, error) bool) { yield(uint64(n+1), nil) }
			}
			if err := subscription.Run(b.Context(), s, one, h); err != nil {
				b.Fatal(err)
			}
			s.Close(b.Context())
			if cp, err := b.store.Get(b.Context(), key); err != nil || cp.LogID != id {
				b.Errorf("the checkpoint is of %q, %v; want %q, as the handler stored it", cp.LogID, err, id)
			}
		}
		opts.LogID = "another"
		if err := b.openFails(opts); !errors.Is(err, subscription.ErrOtherLog) {
			b.Errorf("Open with another LogID: %v; want ErrOtherLog", err)
		}
	})
}
