package subscription_test

import (
	"context"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/subscription"
)

func TestIdleCheckpointDoesNotExpire(t *testing.T) {
	for name, opts := range map[string]subscription.Options{
		"flushed often":  {TTL: time.Minute},
		"flushed rarely": {TTL: time.Minute, FlushAfter: time.Hour, FlushEvery: 1},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(b bench) {
				s := b.open(opts)
				b.track(s, 1).Done()
				opened := time.Now()
				for range 1000 {
					time.Sleep(4 * time.Second)
					cp, err := b.store.Get(b.Context(), key)
					if err != nil || time.Until(cp.ExpiresAt) < opts.TTL/4 {
						b.Fatalf("of its TTL of %v are left %v, %v", opts.TTL, time.Until(cp.ExpiresAt), err)
					}
				}
				if n, most := s.Stats().Flushes, int(4*time.Since(opened)/opts.TTL); n > most {
					b.Errorf("an idle subscription has stored %d times, want %d at most", n, most)
				}
				s.Close(b.Context())
				time.Sleep(time.Minute)
				b.wantStored(0)
			})
		})
	}
}

// What is stored says little of when it expires: it may have been written with
// another TTL, and by another clock.
func TestIdleCheckpointOfAnotherRunDoesNotExpire(t *testing.T) {
	for name, write := range map[string][]checkpoint.WriteOption{
		"with a shorter TTL":      {checkpoint.TTL(500 * time.Millisecond)},
		"by a clock that is fast": {checkpoint.TTL(time.Minute), checkpoint.UpdatedAt(time.Now().AddDate(100, 0, 0))},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(b bench) {
				if err := b.store.Set(b.Context(), key, at(1), write...); err != nil {
					b.Fatal(err)
				}
				s := b.open(subscription.Options{TTL: time.Minute})
				defer s.Close(context.Background())
				for range 100 {
					time.Sleep(999 * time.Millisecond)
					b.wantStored(1)
				}
			})
		})
	}
}
