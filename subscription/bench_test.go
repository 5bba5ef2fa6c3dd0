package subscription_test

import (
	"context"
	"testing"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/memstore"
	"github.com/checkpointstore/checkpoint/subscription"
)

// BenchmarkTrackDone is what a subscription costs an event, with a window of
// events in work.
func BenchmarkTrackDone(b *testing.B) {
	store := checkpoint.New(memstore.New(), nil)
	s, err := subscription.Open(b.Context(), store, "k", &subscription.Options{Missing: subscription.FromStart})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close(context.Background())
	const window = 100
	var inWork [window]subscription.Work
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
}
