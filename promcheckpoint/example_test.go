package promcheckpoint_test

import (
	"context"
	"fmt"
	"iter"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/memstore"
	"github.com/checkpointstore/checkpoint/promcheckpoint"
	"github.com/checkpointstore/checkpoint/subscription"
)

// offsetsAfter stands for a log.
func offsetsAfter(_ context.Context, p checkpoint.Position) iter.Seq2[uint64, error] {
	return func(yield func(uint64, error) bool) {
		for n := p.Commit; n < 5 && yield(n, nil); n++ {
		}
	}
}

// One Collector observes the store and its subscriptions. A program serves the registry
// with promhttp.HandlerFor.
func Example() {
	metrics := promcheckpoint.New(&promcheckpoint.Options{Keys: "orders/*", MessagingSystem: "kafka"})
	registry := prometheus.NewRegistry()
	registry.MustRegister(metrics)
	observers := []checkpoint.Observer{metrics}

	store := checkpoint.New(memstore.New(), &checkpoint.Options{Observers: observers})
	err := subscription.Consume(context.Background(), store, "orders/1", &subscription.Options{
		Missing: subscription.FromStart, Observers: observers,
	}, offsetsAfter, subscription.Handler[uint64]{
		Position: checkpoint.Offset,
		Handle:   func(context.Context, uint64) error { return nil },
	})
	fmt.Println(err)

	families, err := registry.Gather()
	fmt.Println(err)
	for _, f := range families {
		if f.GetName() == "messaging_process_duration_seconds" {
			fmt.Println(f.GetMetric()[0].GetHistogram().GetSampleCount(), "events")
		}
	}
	// Output:
	// <nil>
	// <nil>
	// 5 events
}
