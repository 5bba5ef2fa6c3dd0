package otelcheckpoint_test

import (
	"errors"
	"testing"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
	sdk "go.opentelemetry.io/otel/sdk/metric"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/memstore"
	"github.com/checkpointstore/checkpoint/otelcheckpoint"
)

// TestDefaults: the metrics go to the global provider, and no key has its own series.
func TestDefaults(t *testing.T) {
	reader := sdk.NewManualReader()
	before := otel.GetMeterProvider()
	otel.SetMeterProvider(sdk.NewMeterProvider(sdk.WithReader(reader)))
	defer otel.SetMeterProvider(before)
	o, err := otelcheckpoint.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	store := checkpoint.New(memstore.New(), &checkpoint.Options{Observers: []checkpoint.Observer{o}})
	if err := store.Set(t.Context(), "a", at(1)); err != nil {
		t.Fatal(err)
	}
	if n := scrape(t, reader)[`checkpoint_writes_total{checkpoint_outcome="advanced"}`]; n != 1 {
		t.Errorf("%v writes were counted, want 1", n)
	}
}

// A broken provider cannot make one kind of instrument.
type (
	broken      struct{ noop.MeterProvider }
	brokenMeter struct{ noop.Meter }
)

var errInstrument = errors.New("no such instrument")

func (broken) Meter(string, ...metric.MeterOption) metric.Meter { return brokenMeter{} }

func (brokenMeter) Int64ObservableGauge(string, ...metric.Int64ObservableGaugeOption) (metric.Int64ObservableGauge, error) {
	return nil, errInstrument
}

func TestNewReturnsTheErrorOfAnInstrument(t *testing.T) {
	if _, err := otelcheckpoint.New(&otelcheckpoint.Options{MeterProvider: broken{}}); !errors.Is(err, errInstrument) {
		t.Errorf("New: %v; want the instrument's error", err)
	}
}
