package promcheckpoint_test

import (
	"context"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/group"
	"github.com/checkpointstore/checkpoint/memstore"
	"github.com/checkpointstore/checkpoint/promcheckpoint"
	"github.com/checkpointstore/checkpoint/subscription"
)

// TestLint holds the names to the rules of `promtool check metrics`.
func TestLint(t *testing.T) {
	c := promcheckpoint.New(&promcheckpoint.Options{Keys: "*"})
	store := checkpoint.New(memstore.New(), &checkpoint.Options{Observers: []checkpoint.Observer{c}})
	s, err := subscription.Open(t.Context(), store, "orders", &subscription.Options{
		Missing: subscription.FromStart, Lease: &subscription.Lease{}, Observers: []checkpoint.Observer{c}, ReportEvery: -1,
		Head: func(context.Context) (checkpoint.Position, error) { return checkpoint.Position{Commit: 1}, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close(t.Context())
	if _, err := s.Lag(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.Reported("orders", checkpoint.Status{LagTime: new(time.Second), Position: new(checkpoint.Position), Begins: new(checkpoint.Position)})
	c.EventDone(subscription.Event{Key: "orders"})
	seen := time.Now()
	c.Viewed(group.View{Group: "orders", Member: "a", Members: []checkpoint.Member{{Name: "a", SeenAt: seen, ExpiresAt: seen.Add(time.Hour)}}})
	c.Moved(group.Move{Group: "orders", Member: "a", Gained: true})
	problems, err := testutil.CollectAndLint(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	// 3 histograms of calls, one of events, 6 outcomes, rewinds, lost leases, 9 gauges; of the
	// group 2 gauges, 2 kinds of moves and a histogram.
	if n := testutil.CollectAndCount(c); n != 26 {
		t.Errorf("%d series were collected, want 26", n)
	}
}
