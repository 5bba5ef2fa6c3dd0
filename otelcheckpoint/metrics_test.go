package otelcheckpoint_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/internal/metricstest"
	"github.com/checkpointstore/checkpoint/otelcheckpoint"
)

func TestMetrics(t *testing.T) {
	metricstest.Run(t, func(t *testing.T, keys string) (checkpoint.Observer, func() metricstest.Samples) {
		t.Helper()
		reader := metric.NewManualReader()
		o, err := otelcheckpoint.New(&otelcheckpoint.Options{
			MeterProvider: metric.NewMeterProvider(metric.WithReader(reader)), Keys: keys,
		})
		if err != nil {
			t.Fatal(err)
		}
		return o, func() metricstest.Samples { return scrape(t, reader) }
	})
}

// scrape names the samples as OpenTelemetry's exporter for Prometheus does.
func scrape(t *testing.T, from metric.Reader) metricstest.Samples {
	t.Helper()
	samples := metricstest.Samples{}
	for _, m := range collect(t, from) {
		name := strings.ReplaceAll(m.Name, ".", "_")
		if m.Unit == "s" {
			name += "_seconds"
		}
		switch data := m.Data.(type) {
		case metricdata.Histogram[float64]:
			for _, p := range data.DataPoints {
				samples[name+"_count"+labelsOf(p.Attributes)] = float64(p.Count)
				samples[name+"_sum"+labelsOf(p.Attributes)] = p.Sum
			}
		case metricdata.Sum[int64]:
			addPoints(samples, name+"_total", data.DataPoints)
		case metricdata.Gauge[int64]:
			addPoints(samples, name, data.DataPoints)
		case metricdata.Gauge[float64]:
			addPoints(samples, name, data.DataPoints)
		default:
			t.Fatalf("%s is a %T", m.Name, data)
		}
	}
	return samples
}

func collect(t *testing.T, from metric.Reader) []metricdata.Metrics {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := from.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	var found []metricdata.Metrics
	for _, scope := range all.ScopeMetrics {
		found = append(found, scope.Metrics...)
	}
	return found
}

func addPoints[N int64 | float64](to metricstest.Samples, name string, points []metricdata.DataPoint[N]) {
	for _, p := range points {
		to[name+labelsOf(p.Attributes)] = float64(p.Value)
	}
}

func labelsOf(attrs attribute.Set) string {
	var labels []string
	for _, a := range attrs.ToSlice() {
		labels = append(labels, fmt.Sprintf("%s=%q", strings.ReplaceAll(string(a.Key), ".", "_"), a.Value.AsString()))
	}
	slices.Sort(labels)
	return "{" + strings.Join(labels, ",") + "}"
}
