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
	"github.com/checkpointstore/checkpoint/keeper"
	"github.com/checkpointstore/checkpoint/subscription"
)

// calls counts the calls of a store, by method.
type calls struct {
	mu sync.Mutex
	of map[string]int
}

func (c *calls) CallEnd(_ context.Context, call checkpoint.Call, _ checkpoint.CallResult) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of == nil {
		c.of = make(map[string]int)
	}
	c.of[call.Op]++
}

func partitions(n int) (keys []string) {
	for i := range n {
		keys = append(keys, fmt.Sprint("orders/", i))
	}
	return keys
}

// ofKey yields what comes after p, up to to, and then waits for the end of ctx.
func ofKey(to uint64) func(context.Context, string, checkpoint.Position) iter.Seq2[uint64, error] {
	return func(ctx context.Context, _ string, p checkpoint.Position) iter.Seq2[uint64, error] {
		return func(yield func(uint64, error) bool) {
			for n := p.Commit + 1; n <= to; n++ {
				if !yield(n, nil) {
					return
				}
			}
			<-ctx.Done()
		}
	}
}

func TestConsumeEachKeepsAllLeasesInFewCalls(t *testing.T) {
	bubble(t, func(b bench) {
		const n = 50
		c := new(calls)
		store := checkpoint.New(b.mem, &checkpoint.Options{Observers: []checkpoint.Observer{c}})
		opts := leased("a", false)
		ctx, cancel := context.WithTimeout(b.Context(), 10*leaseTTL)
		defer cancel()
		h := handling(func(context.Context, uint64) error { return nil })
		if err := subscription.ConsumeEach(ctx, store, partitions(n), &opts, ofKey(3), h); err != nil {
			b.Fatal(err)
		}
		for _, key := range partitions(n) {
			if got, err := b.store.Get(b.Context(), key); err != nil || got.Position != at(3) {
				b.Errorf("%s is at %v, %v; want 3", key, got.Position, err)
			}
		}
		if renewals := c.of["renewMany"]; renewals == 0 || renewals > 100 {
			b.Errorf("%d leases were renewed in %d calls in 10 TTLs, want few", n, renewals)
		}
	})
}

func TestConsumeEachEndsWithTheFirstKeyThatFails(t *testing.T) {
	bubble(t, func(b bench) {
		events := func(ctx context.Context, key string, p checkpoint.Position) iter.Seq2[uint64, error] {
			if key != "orders/1" {
				return ofKey(3)(ctx, key, p)
			}
			return func(yield func(uint64, error) bool) {
				time.Sleep(time.Second)
				yield(0, errHandler)
			}
		}
		h := handling(func(context.Context, uint64) error { return nil })
		err := subscription.ConsumeEach(b.Context(), b.store, partitions(3), &subscription.Options{Missing: subscription.FromStart}, events, h)
		if !errors.Is(err, errHandler) || strings.Count(err.Error(), "orders/") != 1 || !strings.Contains(err.Error(), `"orders/1"`) {
			b.Errorf("ConsumeEach: %v; want the error of orders/1 alone", err)
		}
		if got, err := b.store.Get(b.Context(), "orders/2"); err != nil || got.Position != at(3) {
			b.Errorf("orders/2 is at %v, %v; want what it had done", got.Position, err)
		}
		if err := subscription.ConsumeEach(b.Context(), b.store, []string{"a", "a"}, nil, events, h); err == nil || !strings.Contains(err.Error(), "twice") {
			b.Errorf("a key twice: %v", err)
		}
	})
}

// TestConsumeEachTakesTheCallersKeeper, and adds none to the caller's options.
func TestConsumeEachTakesTheCallersKeeper(t *testing.T) {
	bubble(t, func(b bench) {
		opts := leased("a", false)
		minute := func() context.Context {
			ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
			b.Cleanup(cancel)
			return ctx
		}
		h := handling(func(context.Context, uint64) error { return nil })
		if err := subscription.ConsumeEach(minute(), b.store, partitions(2), &opts, ofKey(5), h); err != nil || opts.Lease.Keeper != nil {
			b.Errorf("ConsumeEach: %v, and the options have the keeper %v; want none", err, opts.Lease.Keeper)
		}
		opts.Lease.Keeper = keeper.New(checkpoint.New(b.mem, nil))
		if err := subscription.ConsumeEach(minute(), b.store, partitions(2), &opts, ofKey(5), h); err == nil || !strings.Contains(err.Error(), "another store") {
			b.Errorf("with a keeper of another store: %v; want that it is refused", err)
		}
		if err := subscription.ConsumeEach(minute(), b.store, []string{"new"}, nil, ofKey(5), h); !errors.Is(err, subscription.ErrNoCheckpoint) {
			b.Errorf("without options: %v; want ErrNoCheckpoint", err)
		}
	})
}
