package subscription_test

import (
	"context"
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
		if lag, err := s.Lag(b.Context()); err != nil || lag != 10 || s.Stats().Stored != at(10) || s.Stats().Flushes != 0 {
			b.Errorf("the lag is %d, %v, and Stats are %+v; want 10, the handler's position, and no flush", lag, err, s.Stats())
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

func TestFromHeadIsStoredWhoeverStoresTheRest(t *testing.T) {
	bubble(t, func(b bench) {
		b.open(subscription.Options{Missing: subscription.FromHead, Head: headAt(7), StoredByHandler: true})
		b.wantStored(7)
	})
}
