package subscription_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint/subscription"
)

// TestRunKeepsTheOrderOfGroups also sees that groups do not wait for each
// other. With few events in flight groups come and go.
func TestRunKeepsTheOrderOfGroups(t *testing.T) {
	const groups, each = 8, 50
	for inFlight, want := range map[int]time.Duration{groups * each: each * time.Second, 5: groups * each / 5 * time.Second} {
		bubble(t, func(b bench) {
			s := b.open(subscription.Options{MaxInFlight: inFlight})
			var mu sync.Mutex
			last := make(map[uint64]uint64)
			h := handling(func(_ context.Context, n uint64) error {
				time.Sleep(time.Second)
				mu.Lock()
				defer mu.Unlock()
				if want := last[n%groups] + groups; n != want && n > groups {
					b.Errorf("event %d of its group came after %d", n, last[n%groups])
				}
				last[n%groups] = n
				return nil
			})
			h.Workers = 64
			h.OrderingKey = func(n uint64) string { return fmt.Sprint(n % groups) }
			start := time.Now()
			if err := subscription.Run(b.Context(), s, events(groups*each), h); err != nil {
				b.Fatal(err)
			}
			if took := time.Since(start); took != want {
				b.Errorf("with %d in flight it took %v, want %v", inFlight, took, want)
			}
			s.Close(b.Context())
			b.wantStored(groups * each)
		})
	}
}

// TestRunLetsNoGroupHoldUpAnother has all but one worker free for every group
// that is not slow.
func TestRunLetsNoGroupHoldUpAnother(t *testing.T) {
	bubble(t, func(b bench) {
		s := b.open(subscription.Options{})
		var j journal
		h := handling(func(_ context.Context, n uint64) error {
			if n%10 == 1 { // 1, 11, ... are one group
				time.Sleep(time.Hour)
			}
			j.add(n)
			return nil
		})
		h.Workers = 2
		h.OrderingKey = func(n uint64) string { return fmt.Sprint(n % 10) }
		start := time.Now()
		go func() {
			time.Sleep(time.Minute)
			j.mu.Lock()
			defer j.mu.Unlock()
			if len(j.done) != 450 {
				b.Errorf("beside a slow group %d events were handled, want all 450 of the others", len(j.done))
			}
		}()
		if err := subscription.Run(b.Context(), s, events(500), h); err != nil {
			b.Fatal(err)
		}
		if took := time.Since(start); took != 50*time.Hour {
			b.Errorf("it took %v, want the 50 hours of the slow group", took)
		}
	})
}

// TestRunServesTheGroupThatWaitedLongest: a group that never runs out of events
// must not keep the worker for itself.
func TestRunServesTheGroupThatWaitedLongest(t *testing.T) {
	bubble(t, func(b bench) {
		s := b.open(subscription.Options{})
		var j journal
		h := handling(func(_ context.Context, n uint64) error {
			time.Sleep(time.Second)
			j.add(n)
			return nil
		})
		h.OrderingKey = func(n uint64) string { return fmt.Sprint(n == 10) }
		if err := subscription.Run(b.Context(), s, events(100), h); err != nil {
			b.Fatal(err)
		}
		if i := slices.Index(j.done, 10); i > 1 {
			b.Errorf("the lone event of a group was handled after %d others, want after the one that was at work", i)
		}
	})
}

// TestRunHandlesNothingAfterAFailedEvent: what comes after it in its group would
// take effect before it does.
func TestRunHandlesNothingAfterAFailedEvent(t *testing.T) {
	for name, orderingKey := range map[string]func(uint64) string{
		"in the log's order": nil,
		"in its group":       func(uint64) string { return "one" },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(b bench) {
				s := b.open(subscription.Options{})
				broken := errors.New("broken")
				var j journal
				h := handling(func(_ context.Context, n uint64) error {
					time.Sleep(time.Second) // more events wait
					if n == 3 {
						return broken
					}
					j.add(n)
					return nil
				})
				h.OrderingKey = orderingKey
				if err := subscription.Run(b.Context(), s, events(100), h); !errors.Is(err, broken) {
					b.Errorf("Run: %v; want the handler's error", err)
				}
				if !slices.Equal(j.done, []uint64{1, 2}) {
					b.Errorf("handled %v, want nothing after the event that failed", j.done)
				}
			})
		})
	}
}
