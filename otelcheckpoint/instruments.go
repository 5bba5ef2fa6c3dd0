package otelcheckpoint

import (
	"errors"

	"go.opentelemetry.io/otel/metric"

	"github.com/checkpointstore/checkpoint/internal/metrics"
)

// instruments are what hooks record at once.
type instruments struct {
	calls   metric.Float64Histogram
	events  metric.Float64Histogram
	writes  metric.Int64Counter
	rewinds metric.Int64Counter
	lost    metric.Int64Counter

	moves    metric.Int64Counter
	handoffs metric.Float64Histogram
}

func newInstruments(meter metric.Meter) (instruments, error) {
	m := maker{meter: meter}
	made := instruments{
		calls:   m.histogram("db.client.operation.duration", "Duration of database client operations.", metrics.Buckets),
		events:  m.histogram("messaging.process.duration", "Duration of processing operation.", metrics.Buckets),
		writes:  m.counter("checkpoint.writes", "{write}", "Positions that were to be written, by outcome."),
		rewinds: m.counter("checkpoint.rewinds", "{rewind}", "Checkpoints that this process has rewound."),
		lost:    m.counter("checkpoint.lease.lost", "{lease}", "Leases that were lost before Close."),

		moves: m.counter("checkpoint.group.moves", "{move}", "Partitions that this process has gained or given up."),
		handoffs: m.histogram("checkpoint.group.handoff.duration",
			"How long it took from when a partition was to be this process's until it was.", metrics.HandoffBuckets),
	}
	return made, m.err
}

// A maker makes instruments, and joins their errors.
type maker struct {
	meter metric.Meter
	err   error
}

func (m *maker) join(err error) { m.err = errors.Join(m.err, err) }

func (m *maker) histogram(name, description string, buckets []float64) metric.Float64Histogram {
	h, err := m.meter.Float64Histogram(name, metric.WithUnit("s"), metric.WithDescription(description),
		metric.WithExplicitBucketBoundaries(buckets...))
	m.join(err)
	return h
}

func (m *maker) counter(name, unit, description string) metric.Int64Counter {
	c, err := m.meter.Int64Counter(name, metric.WithUnit(unit), metric.WithDescription(description))
	m.join(err)
	return c
}

func (m *maker) number(name, unit, description string) metric.Int64ObservableGauge {
	g, err := m.meter.Int64ObservableGauge(name, metric.WithUnit(unit), metric.WithDescription(description))
	m.join(err)
	return g
}

func (m *maker) seconds(name, description string) metric.Float64ObservableGauge {
	g, err := m.meter.Float64ObservableGauge(name, metric.WithUnit("s"), metric.WithDescription(description))
	m.join(err)
	return g
}
