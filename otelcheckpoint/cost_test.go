package otelcheckpoint_test

import (
	"testing"

	"go.opentelemetry.io/otel/sdk/metric"

	"github.com/checkpointstore/checkpoint/internal/metricstest"
	"github.com/checkpointstore/checkpoint/otelcheckpoint"
)

func TestAllocations(t *testing.T) { metricstest.Allocations(t, observer(t)) }

func BenchmarkCalls(b *testing.B) { metricstest.Benchmark(b, observer(b)) }

// observer returns one that counts, and makes no spans.
func observer(tb testing.TB) *otelcheckpoint.Observer {
	tb.Helper()
	o, err := otelcheckpoint.New(&otelcheckpoint.Options{
		MeterProvider: metric.NewMeterProvider(metric.WithReader(metric.NewManualReader())), Keys: "orders/*",
	})
	if err != nil {
		tb.Fatal(err)
	}
	return o
}
