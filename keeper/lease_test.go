package keeper_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/internal/leaktest"
	"github.com/checkpointstore/checkpoint/keeper"
)

// TestRemoveWaitsForARenewal that would bring a lease back after its release.
func TestRemoveWaitsForARenewal(t *testing.T) {
	bubble(t, func(b bench) {
		b.engine.hold = func(context.Context, int) error {
			time.Sleep(time.Second)
			return nil
		}
		l := b.keep("a", ttl)
		other := b.keep("b", ttl)
		time.Sleep(ttl/3 + time.Millisecond)
		ctx, cancel := context.WithTimeoutCause(b.Context(), time.Millisecond, errEngine)
		defer cancel()
		if err := l.Remove(ctx); !errors.Is(err, errEngine) {
			b.Errorf("Remove: %v; want the cause of its context's end", err)
		}
		if err := context.Cause(l.Context()); err != context.Canceled { //nolint:errorlint // and nothing else
			b.Errorf("a lease that was removed ends with %v", err)
		}
		if err := errors.Join(l.Remove(b.Context()), b.store.Release(b.Context(), l.Lease())); err != nil {
			b.Error(err)
		}
		time.Sleep(time.Hour)
		if _, err := b.store.Acquire(b.Context(), "a", "another", ttl); err != nil {
			b.Errorf("after Remove and a release: %v", err)
		}
		b.wantKept(other)
	})
}

// TestCallThatNobodyNeedsIsGivenUp when whoever removes its last lease waits no longer.
func TestCallThatNobodyNeedsIsGivenUp(t *testing.T) {
	bubble(t, func(b bench) {
		b.engine.hold = func(ctx context.Context, _ int) error { return hangUntil(ctx, nil) }
		leases := []*keeper.Lease{b.keep("a", ttl), b.keep("b", ttl)}
		goroutines := leaktest.InBubble()
		time.Sleep(ttl/3 + time.Millisecond)
		for i, l := range leases {
			ctx, cancel := context.WithTimeout(b.Context(), time.Millisecond)
			if err := l.Remove(ctx); err == nil {
				b.Error("Remove does not say that a renewal is under way")
			}
			cancel()
			synctest.Wait()
			if ended := goroutines - leaktest.InBubble(); ended != i {
				b.Errorf("after %d of 2 leases are removed, %d goroutines have ended", i+1, ended)
			}
		}
	})
}

// TestInstanceThatTookOverFromItself shares the keeper with its former self, and
// the store takes no key twice in a batch.
func TestInstanceThatTookOverFromItself(t *testing.T) {
	bubble(t, func(b bench) {
		former := b.keep("a", ttl)
		other := b.keep("b", ttl)
		latter := b.keep("a", ttl)
		b.wantLost(former, time.Now(), checkpoint.ErrFenced)
		time.Sleep(time.Hour)
		b.wantKept(latter, other)
	})
}

// TestAddRefuses what would make the batch of all others fail.
func TestAddRefuses(t *testing.T) {
	bubble(t, func(b bench) {
		for name, lease := range map[string]checkpoint.Lease{
			"no key":   {Owner: "a", TTL: ttl, Epoch: 1},
			"no TTL":   {Key: "a", Owner: "a", Epoch: 1},
			"no epoch": {Key: "a", Owner: "a", TTL: ttl},
		} {
			if _, err := b.keeper.Add(lease, time.Now()); err == nil {
				b.Errorf("a lease with %s is taken", name)
			}
		}
	})
}

func TestLeaseThatEndedBeforeItWasAdded(t *testing.T) {
	bubble(t, func(b bench) {
		asked := time.Now()
		lease, err := b.store.Acquire(b.Context(), "a", "a", ttl)
		if err != nil {
			b.Fatal(err)
		}
		time.Sleep(ttl)
		l, err := b.keeper.Add(lease, asked)
		if err != nil {
			b.Fatal(err)
		}
		synctest.Wait()
		if !errors.Is(context.Cause(l.Context()), keeper.ErrLost) {
			b.Errorf("it ended with %v, want ErrLost", context.Cause(l.Context()))
		}
	})
}
