// Package otelcheckpoint exports metrics and traces of stores, subscriptions and groups
// through OpenTelemetry. Pass one [Observer] to all of them in a process.
// docs/observability.md lists the metrics.
package otelcheckpoint

import (
	"cmp"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/checkpointstore/checkpoint/internal/metrics"
)

const scope = "github.com/checkpointstore/checkpoint/otelcheckpoint"

// Options configures an [Observer]. A nil *Options is the zero Options.
type Options struct {
	// MeterProvider receives the metrics. Nil: the global one.
	MeterProvider metric.MeterProvider

	// TracerProvider receives a span for each call of a Store and for each flush of a
	// Subscription. Nil: no spans.
	TracerProvider trace.TracerProvider

	// Keys is a pattern of checkpoint.MatchPattern. A key that matches has series of
	// its own, with the attribute checkpoint.key. All other keys share series without
	// this attribute. "*" gives every key its own series. Empty: no key has its own.
	Keys string

	// MessagingSystem names the system that the events come from, as the attribute
	// messaging.system: "kafka". Empty: "checkpoint".
	MessagingSystem string
}

// An Observer is a checkpoint.Observer of stores, subscriptions and groups. Its methods are their
// hooks. One Observer serves any number of them at once.
type Observer struct {
	keys      metrics.Keys
	system    string
	tracer    trace.Tracer // nil: no spans
	counts    instruments
	consumers metrics.Consumers
	groups    metrics.Groups

	calls  metrics.Table[metrics.Call, []metric.RecordOption]
	events metrics.Table[labelled, []metric.RecordOption]
	series metrics.Table[string, *series] // by label

	groupSeries metrics.Table[string, *groupSeries] // by group
}

// New returns an Observer, or the error of an instrument that the MeterProvider does not
// make. Make one Observer for each MeterProvider: its gauges last as long as the provider.
func New(opts *Options) (*Observer, error) {
	var given Options
	if opts != nil {
		given = *opts
	}
	if given.MeterProvider == nil {
		given.MeterProvider = otel.GetMeterProvider()
	}
	o := &Observer{keys: metrics.Keys(given.Keys), system: cmp.Or(given.MessagingSystem, "checkpoint")}
	if given.TracerProvider != nil {
		o.tracer = given.TracerProvider.Tracer(scope)
	}
	o.calls.Make, o.events.Make, o.series.Make, o.groupSeries.Make = callOptions, o.eventOptions, o.newSeries, o.newGroup
	meter := given.MeterProvider.Meter(scope)
	var err error
	if o.counts, err = newInstruments(meter); err != nil {
		return nil, err
	}
	if err := o.registerGauges(meter); err != nil {
		return nil, err
	}
	if err := o.registerGroups(meter); err != nil {
		return nil, err
	}
	return o, nil
}
