package otelcheckpoint_test

import (
	"context"
	"fmt"
	"iter"

	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/memstore"
	"github.com/checkpointstore/checkpoint/otelcheckpoint"
	"github.com/checkpointstore/checkpoint/subscription"
)

// offsetsAfter stands for a log.
func offsetsAfter(_ context.Context, p checkpoint.Position) iter.Seq2[uint64, error] {
	return func(yield func(uint64, error) bool) {
		for n := p.Commit; n < 5 && yield(n, nil); n++ {
		}
	}
}

// One Observer observes the store and its subscriptions. A program chooses the reader and
// the exporters of its providers.
func Example() {
	reader := metric.NewManualReader()
	observer, err := otelcheckpoint.New(&otelcheckpoint.Options{
		MeterProvider:   metric.NewMeterProvider(metric.WithReader(reader)),
		TracerProvider:  trace.NewTracerProvider(),
		Keys:            "orders/*",
		MessagingSystem: "kafka",
	})
	fmt.Println(err)
	observers := []checkpoint.Observer{observer}

	store := checkpoint.New(memstore.New(), &checkpoint.Options{Observers: observers})
	err = subscription.Consume(context.Background(), store, "orders/1", &subscription.Options{
		Missing: subscription.FromStart, Observers: observers,
	}, offsetsAfter, subscription.Handler[uint64]{
		Position: checkpoint.Offset,
		Handle:   func(context.Context, uint64) error { return nil },
	})
	fmt.Println(err)

	var all metricdata.ResourceMetrics
	fmt.Println(reader.Collect(context.Background(), &all))
	for _, m := range all.ScopeMetrics[0].Metrics {
		if events, ok := m.Data.(metricdata.Histogram[float64]); ok && m.Name == "messaging.process.duration" {
			fmt.Println(events.DataPoints[0].Count, "events")
		}
	}
	// Output:
	// <nil>
	// <nil>
	// <nil>
	// 5 events
}
