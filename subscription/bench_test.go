package subscription_test

import (
	"context"
	"fmt"
	"strconv"
	"testing"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/memstore"
	"github.com/checkpointstore/checkpoint/subscription"
)

// BenchmarkTrackDone is what a subscription costs an event, with a window of
// events in work.
func BenchmarkTrackDone(b *testing.B) {
	for _, window := range []uint64{1, 1000, 100_000} {
		b.Run(fmt.Sprintf("window=%d", window), func(b *testing.B) {
			store := checkpoint.New(memstore.New(), nil)
			s, err := subscription.Open(b.Context(), store, key, &subscription.Options{
				Missing: subscription.FromStart, MaxInFlight: int(window) + 1,
			})
			if err != nil {
				b.Fatal(err)
			}
			inWork := make([]subscription.Work, window)
			n := uint64(0)
			ctx := b.Context()
			b.ReportAllocs()
			for b.Loop() {
				n++
				w, err := s.Track(ctx, checkpoint.Position{Commit: n, Prepare: n})
				if err != nil {
					b.Fatal(err)
				}
				inWork[n%window].Done() // the first are zero, and do nothing
				inWork[n%window] = w
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
			for _, w := range inWork {
				w.Done()
			}
			closesAt(b, s, store, n)
		})
	}
}

// closesAt closes s, which must have stored the position of the event n.
func closesAt(b *testing.B, s *subscription.Subscription, store *checkpoint.Store, n uint64) {
	b.Helper()
	if err := s.Close(context.Background()); err != nil {
		b.Fatal(err)
	}
	if c, err := store.Get(b.Context(), key); err != nil || c.Position != at(n) {
		b.Fatalf("after %d events %v, %v is stored", n, c.Position, err)
	}
}

// BenchmarkRun is what Run costs an event whose handler does nothing, without
// and with ordering keys.
func BenchmarkRun(b *testing.B) {
	names := make([]string, 1000)
	for i := range names {
		names[i] = strconv.Itoa(i)
	}
	for _, order := range []struct {
		name string
		by   func(uint64) string
	}{
		{"unordered", nil},
		{"keys=1", func(uint64) string { return "" }},
		{"keys=1000", func(n uint64) string { return names[n%1000] }},
	} {
		for _, workers := range []int{1, 2} {
			b.Run(fmt.Sprintf("%s/workers=%d", order.name, workers), func(b *testing.B) {
				store := checkpoint.New(memstore.New(), nil)
				s, err := subscription.Open(b.Context(), store, key, &subscription.Options{Missing: subscription.FromStart})
				if err != nil {
					b.Fatal(err)
				}
				h := handling(func(context.Context, uint64) error { return nil })
				h.OrderingKey, h.Workers = order.by, workers
				b.ReportAllocs()
				b.ResetTimer()
				if err := subscription.Run(b.Context(), s, events(uint64(b.N)), h); err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
				closesAt(b, s, store, uint64(b.N))
			})
		}
	}
}
