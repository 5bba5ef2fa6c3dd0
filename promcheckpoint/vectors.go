package promcheckpoint

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/checkpointstore/checkpoint/internal/metrics"
)

const keyLabel = "checkpoint_key"

// vectors are what hooks count at once. The names are those that OpenTelemetry's exporter
// for Prometheus gives to the metrics of otelcheckpoint.
type vectors struct {
	calls   *prometheus.HistogramVec
	events  *prometheus.HistogramVec
	writes  *prometheus.CounterVec
	rewinds *prometheus.CounterVec
	lost    *prometheus.CounterVec

	moves    *prometheus.CounterVec
	handoffs *prometheus.HistogramVec
}

func newVectors() vectors {
	return vectors{
		calls: histogram("db_client_operation_duration_seconds", "Duration of database client operations.", metrics.Buckets,
			"db_system_name", "db_operation_name", "error_type"),
		events: histogram("messaging_process_duration_seconds", "Duration of processing operation.", metrics.Buckets,
			"messaging_system", "messaging_operation_name", "messaging_consumer_group_name", "error_type"),
		writes:  counter("checkpoint_writes_total", "Positions that were to be written, by outcome.", keyLabel, "checkpoint_outcome"),
		rewinds: counter("checkpoint_rewinds_total", "Checkpoints that this process has rewound.", keyLabel),
		lost:    counter("checkpoint_lease_lost_total", "Leases that were lost before Close.", keyLabel),

		moves: counter("checkpoint_group_moves_total", "Partitions that this process has gained or given up.", groupLabel, "checkpoint_move"),
		handoffs: histogram("checkpoint_group_handoff_duration_seconds",
			"How long it took from when a partition was to be this process's until it was.", metrics.HandoffBuckets, groupLabel),
	}
}

func (v vectors) all() []prometheus.Collector {
	return []prometheus.Collector{v.calls, v.events, v.writes, v.rewinds, v.lost, v.moves, v.handoffs}
}

func histogram(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
}

func counter(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
}

// series are the counters of one label.
type series struct {
	writes  [len(metrics.Outcomes)]prometheus.Counter // by outcome
	rewinds prometheus.Counter
	lost    prometheus.Counter
}

// newSeries begins the counters of a label at zero: a counter that begins at one never
// rises.
func (c *Collector) newSeries(label string) *series {
	s := &series{rewinds: c.vectors.rewinds.WithLabelValues(label), lost: c.vectors.lost.WithLabelValues(label)}
	for _, outcome := range metrics.Outcomes {
		s.writes[outcome] = c.vectors.writes.WithLabelValues(label, outcome.String())
	}
	return s
}

func (c *Collector) newCall(call metrics.Call) prometheus.Observer {
	return c.vectors.calls.WithLabelValues(call.System(), call.Op, call.Error)
}

// A labelled is a label, and the type of an error or "".
type labelled struct{ label, failure string }

func (c *Collector) newEvent(e labelled) prometheus.Observer {
	return c.vectors.events.WithLabelValues(c.system, "process", e.label, e.failure)
}
