package subscription_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/subscription"
)

// TestSecondRunIsRefused: events of the first may be in work, and the reader would
// begin where the first one did.
func TestSecondRunIsRefused(t *testing.T) {
	bubble(t, func(b bench) {
		s := b.open(subscription.Options{})
		h := handling(func(context.Context, uint64) error { return nil })
		if err := subscription.Run(b.Context(), s, events(10), h); err != nil {
			b.Fatal(err)
		}
		err := subscription.Run(b.Context(), s, events(10), h)
		if err == nil || !strings.Contains(err.Error(), "Run was called before") {
			b.Errorf("a second Run: %v; want that it is refused", err)
		}
		if err := s.Close(b.Context()); err != nil {
			b.Error(err)
		}
		b.wantStored(10)
	})
}

// after yields what comes after p, up to to.
func after(to uint64) func(context.Context, checkpoint.Position) iter.Seq2[uint64, error] {
	return func(_ context.Context, p checkpoint.Position) iter.Seq2[uint64, error] {
		return func(yield func(uint64, error) bool) {
			for n := p.Commit + 1; n <= to && yield(n, nil); n++ {
			}
		}
	}
}

func TestConsumeGoesOnWhereTheLastRunEnded(t *testing.T) {
	bubble(t, func(b bench) {
		var j journal
		h := handling(func(_ context.Context, n uint64) error {
			if n == 7 {
				return errHandler
			}
			j.add(n)
			return nil
		})
		opts := leased("a", false)
		if err := subscription.Consume(b.Context(), b.store, key, &opts, after(3), h); err != nil {
			b.Error(err)
		}
		opts = leased("b", false) // the lease of the first is released
		opts.Missing = subscription.Refuse
		if err := subscription.Consume(b.Context(), b.store, key, &opts, after(9), h); !errors.Is(err, errHandler) {
			b.Errorf("Consume: %v; want the handler's error", err)
		}
		if want := []uint64{1, 2, 3, 4, 5, 6}; !slices.Equal(j.done, want) {
			b.Errorf("handled %v, want %v", j.done, want)
		}
		b.wantStored(6)
	})
}

// TestConsumeTellsEveryError: of the handler, and of Close.
func TestConsumeTellsEveryError(t *testing.T) {
	bubble(t, func(b bench) {
		h := handling(func(_ context.Context, n uint64) error {
			if n < 3 {
				return nil
			}
			b.mem.Fail(errEngine)
			return errHandler
		})
		opts := subscription.Options{Missing: subscription.FromStart, FlushAfter: time.Hour}
		err := subscription.Consume(b.Context(), b.store, key, &opts, after(9), h)
		if !errors.Is(err, errHandler) || !errors.Is(err, errEngine) {
			b.Errorf("Consume: %v; want the errors of the handler and of Close", err)
		}
		b.mem.Fail(nil)
		opts.Missing = subscription.Refuse
		if err := subscription.Consume(b.Context(), b.store, "other", &opts, after(9), h); !errors.Is(err, subscription.ErrNoCheckpoint) {
			b.Errorf("Consume without a checkpoint: %v; want ErrNoCheckpoint", err)
		}
	})
}

// TestConsumeThatIsStoppedHasNoError: at work, and as a standby.
func TestConsumeThatIsStoppedHasNoError(t *testing.T) {
	bubble(t, func(b bench) {
		ctx, stop := context.WithCancel(b.Context())
		ended := make(chan error, 2)
		for _, owner := range []string{"a", "b"} {
			go func() {
				opts := leased(owner, true)
				waiting := func(ctx context.Context, _ checkpoint.Position) iter.Seq2[uint64, error] { return quiet(5)(ctx) }
				ended <- subscription.Consume(ctx, b.store, key, &opts, waiting, handling(func(context.Context, uint64) error { return nil }))
			}()
		}
		time.Sleep(time.Hour)
		stop()
		for range 2 {
			if err := <-ended; err != nil {
				b.Errorf("Consume: %v; want nil", err)
			}
		}
		synctest.Wait()
		b.wantStored(5)
	})
}

// TestConsumeThatWaitsIsStoppedForAReason, which is no error of Consume, even if the
// reason is an error of this project.
func TestConsumeThatWaitsIsStoppedForAReason(t *testing.T) {
	for _, reason := range []error{errors.New("the signal"), fmt.Errorf("another task: %w", checkpoint.ErrNotFound)} {
		bubble(t, func(b bench) {
			b.open(leased("a", false))
			ctx, stop := context.WithCancelCause(b.Context())
			time.AfterFunc(time.Minute, func() { stop(reason) })
			opts := leased("b", true)
			h := handling(func(context.Context, uint64) error { return nil })
			if err := subscription.Consume(ctx, b.store, key, &opts, after(9), h); err != nil {
				b.Errorf("Consume that is stopped because of %q: %v; want nil", reason, err)
			}
		})
	}
}

// TestConsumeTellsItsReaderOfTheEnd of the subscription.
func TestConsumeTellsItsReaderOfTheEnd(t *testing.T) {
	bubble(t, func(b bench) {
		opts := leased("a", false)
		time.AfterFunc(time.Minute, b.rewind)
		waiting := func(ctx context.Context, _ checkpoint.Position) iter.Seq2[uint64, error] { return quiet(5)(ctx) }
		h := handling(func(context.Context, uint64) error { return nil })
		err := subscription.Consume(b.Context(), b.store, key, &opts, waiting, h)
		if !errors.Is(err, subscription.ErrLeaseLost) || errors.Is(err, subscription.ErrDrainTimeout) {
			b.Errorf("Consume: %v; want ErrLeaseLost, and no reader that has not returned", err)
		}
	})
}

func TestBackoff(t *testing.T) {
	if wait, again := subscription.Backoff(0, time.Second, math.MaxInt)(math.MaxInt-1, errHandler); wait != 0 || !again {
		t.Errorf("without a wait: %v, %v; want 0, true", wait, again)
	}
	retry := subscription.Backoff(time.Second, 10*time.Second, 7)
	for attempt, want := range map[int]float64{1: 1, 2: 2, 3: 4, 4: 8, 5: 10, 6: 10, 7: 10, 100: 10, math.MaxInt: 10} {
		wait, again := retry(attempt, errHandler)
		if wait.Seconds() != want || again != (attempt < 7) {
			t.Errorf("after attempt %d: %v, %v; want %v s, %v", attempt, wait, again, want, attempt < 7)
		}
	}
	for _, most := range []time.Duration{0, 1, 3, math.MaxInt64 - 1, math.MaxInt64} {
		for _, first := range []time.Duration{0, 1, math.MaxInt64} {
			last := time.Duration(0)
			for attempt := 1; attempt < 200; attempt++ {
				wait, _ := subscription.Backoff(first, most, 3)(attempt, errHandler)
				if wait < last || wait > most {
					t.Fatalf("Backoff(%d, %d) waits %d after attempt %d, and %d before", first, most, wait, attempt, last)
				}
				last = wait
			}
			if first > 0 && last != most {
				t.Errorf("Backoff(%d, %d) waits %d in the end", first, most, last)
			}
		}
	}
}
