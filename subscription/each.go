package subscription

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/keeper"
)

// ConsumeEach does the work of [Consume] for several keys at the same time, for instance
// for the partitions of a log that one process reads. It handles events of different
// keys in parallel. Each key has Handler.Workers workers of its own. Each key gets the
// same opts: set LogID, Head and Tail only if they are right for every key. One keeper
// renews all leases: the Keeper of opts.Lease, or a new one.
//
// ConsumeEach returns when the events of every key have ended. If one key fails, the
// others end as if ctx had ended. ConsumeEach joins the errors, and each names its key.
// A key that stands twice in keys is an error.
func ConsumeEach[E any](
	ctx context.Context, store *checkpoint.Store, keys []string, opts *Options,
	events func(ctx context.Context, key string, after checkpoint.Position) iter.Seq2[E, error], h Handler[E],
) error {
	seen := make(map[string]bool)
	for _, key := range keys {
		if seen[key] {
			return fmt.Errorf("subscription: ConsumeEach got the key %q twice: give each key once", key)
		}
		seen[key] = true
	}
	opts = shareKeeper(store, opts)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	errs := make([]error, len(keys))
	var consumers sync.WaitGroup
	for i, key := range keys {
		consumers.Go(func() {
			err := Consume(ctx, store, key, opts, func(ctx context.Context, after checkpoint.Position) iter.Seq2[E, error] {
				return events(ctx, key, after)
			}, h)
			if err != nil {
				errs[i] = err
				cancel()
			}
		})
	}
	consumers.Wait()
	return errors.Join(errs...)
}

func shareKeeper(store *checkpoint.Store, opts *Options) *Options {
	if opts == nil || opts.Lease == nil || opts.Lease.Keeper != nil {
		return opts
	}
	shared, lease := *opts, *opts.Lease
	lease.Keeper = keeper.New(store)
	shared.Lease = &lease
	return &shared
}
