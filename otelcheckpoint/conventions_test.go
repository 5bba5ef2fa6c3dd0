package otelcheckpoint_test

import (
	"slices"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/semconv/v1.43.0/dbconv"
	"go.opentelemetry.io/otel/semconv/v1.43.0/messagingconv"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/memstore"
	"github.com/checkpointstore/checkpoint/otelcheckpoint"
	"github.com/checkpointstore/checkpoint/subscription"
)

// known are the attributes that the conventions define.
var known = []attribute.Key{
	semconv.DBSystemNameKey, semconv.DBOperationNameKey, semconv.DBOperationBatchSizeKey, semconv.ErrorTypeKey,
	semconv.MessagingSystemKey, semconv.MessagingOperationNameKey, semconv.MessagingOperationTypeKey,
	semconv.MessagingConsumerGroupNameKey,
}

// TestConventions: names, units and attributes are those of the semantic conventions, or
// ours.
func TestConventions(t *testing.T) {
	reader := metric.NewManualReader()
	o, err := otelcheckpoint.New(&otelcheckpoint.Options{
		MeterProvider: metric.NewMeterProvider(metric.WithReader(reader)), Keys: "*", MessagingSystem: "kafka",
	})
	if err != nil {
		t.Fatal(err)
	}
	d := memstore.New()
	store := checkpoint.New(d, &checkpoint.Options{Observers: []checkpoint.Observer{o}})
	o.EventDone(subscription.Event{Key: "a"})
	d.Fail(errEngine)
	if _, err := store.Get(t.Context(), "a"); err == nil {
		t.Fatal("Get found a failing engine well")
	}
	units := make(map[string]string)
	for _, m := range collect(t, reader) {
		units[m.Name] = m.Unit
		h, ok := m.Data.(metricdata.Histogram[float64])
		if !ok {
			continue
		}
		for _, p := range h.DataPoints {
			for _, a := range p.Attributes.ToSlice() {
				if !strings.HasPrefix(string(a.Key), "checkpoint.") && !slices.Contains(known, a.Key) {
					t.Errorf("%s has the attribute %s, which is not in the conventions", m.Name, a.Key)
				}
			}
		}
	}
	calls, events := dbconv.ClientOperationDuration{}, messagingconv.ProcessDuration{}
	if units[calls.Name()] != calls.Unit() || units[events.Name()] != events.Unit() {
		t.Errorf("the metrics and their units are %v; want %s in %s, and %s in %s",
			units, calls.Name(), calls.Unit(), events.Name(), events.Unit())
	}
	if got := scrape(t, reader)[`messaging_process_duration_seconds_count{messaging_consumer_group_name="a",`+
		`messaging_operation_name="process",messaging_system="kafka"}`]; got != 1 {
		t.Errorf("%v events were processed, want 1", got)
	}
}
