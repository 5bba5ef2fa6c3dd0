// Package promcheckpoint exports metrics of stores, subscriptions and groups to Prometheus.
// Pass one [Collector] to all of them in a process, and register it.
// docs/observability.md lists the metrics.
package promcheckpoint

import (
	"cmp"
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/checkpointstore/checkpoint/internal/metrics"
)

// Options configures a [Collector]. A nil *Options is the zero Options.
type Options struct {
	// Keys is a pattern of checkpoint.MatchPattern. A key that matches has series of
	// its own, with the label checkpoint_key. All other keys share series in which this
	// label is empty. "*" gives every key its own series. Empty: no key has its own.
	Keys string

	// MessagingSystem names the system that the events come from, as the label
	// messaging_system: "kafka". Empty: "checkpoint".
	MessagingSystem string
}

// A Collector is a checkpoint.Observer of stores, subscriptions and groups, and a
// prometheus.Collector. One Collector serves any number of them at once.
type Collector struct {
	keys      metrics.Keys
	system    string
	vectors   vectors
	consumers metrics.Consumers
	groups    metrics.Groups

	calls  metrics.Table[metrics.Call, prometheus.Observer]
	events metrics.Table[labelled, prometheus.Observer]
	series metrics.Table[string, *series] // by label

	groupSeries metrics.Table[string, *groupSeries] // by group
}

// New returns a Collector. The caller registers it.
func New(opts *Options) *Collector {
	var given Options
	if opts != nil {
		given = *opts
	}
	c := &Collector{
		keys: metrics.Keys(given.Keys), system: cmp.Or(given.MessagingSystem, "checkpoint"), vectors: newVectors(),
	}
	c.calls.Make, c.events.Make, c.series.Make, c.groupSeries.Make = c.newCall, c.newEvent, c.newSeries, c.newGroup
	return c
}

// Describe implements prometheus.Collector.
func (c *Collector) Describe(to chan<- *prometheus.Desc) {
	for _, v := range c.vectors.all() {
		v.Describe(to)
	}
	for _, d := range slices.Concat(gauges, groupGauges) {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (c *Collector) Collect(to chan<- prometheus.Metric) {
	for _, v := range c.vectors.all() {
		v.Collect(to)
	}
	c.collectGauges(to)
	c.collectGroups(to)
}
