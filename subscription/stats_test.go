package subscription_test

import (
	"testing"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/memstore"
	"github.com/checkpointstore/checkpoint/subscription"
)

// TestStatsCountNothingThatIsInWork: a metric that takes something back is read
// as a restart, and one below zero as a great many.
func TestStatsCountNothingThatIsInWork(t *testing.T) {
	const events = 100_000
	store := checkpoint.New(memstore.New(), nil)
	s, err := subscription.Open(t.Context(), store, key, &subscription.Options{
		Missing: subscription.FromStart, MaxInFlight: events,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(t.Context())
	tracked := make(chan struct{})
	go func() {
		defer close(tracked)
		for n := range uint64(events) {
			if _, err := s.Track(t.Context(), at(n+1)); err != nil {
				t.Error(err)
			}
		}
	}()
	for reading := true; reading; {
		select {
		case <-tracked:
			reading = false
		default:
		}
		if done := s.Stats().Done; done != 0 {
			t.Errorf("%d events are done, want none", done)
			break
		}
	}
	<-tracked
}
