package promcheckpoint

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/checkpointstore/checkpoint/internal/metrics"
)

// Gauges are read from Stats whenever the metrics are collected.
var (
	lag = gauge("checkpoint_lag", "Distance to the head, as last read: from the low watermark in a report, from the stored position in Subscription.Lag.")

	lagTime  = gauge("checkpoint_lag_time_seconds", "How long the oldest event that is not done has been in the log, as last reported.")
	tail     = gauge("checkpoint_tail_distance", "Distance from the beginning of the log to the low watermark, as last reported.")
	advanced = gauge("checkpoint_advanced_timestamp_seconds", "When the stored position last moved, in seconds since the epoch.")
	inFlight = gauge("checkpoint_in_flight", "Events in work.")
	oldest   = gauge("checkpoint_oldest_in_flight_age_seconds", "Age of the event that is longest in work.")
	paused   = gauge("checkpoint_paused", "Open subscriptions that an operator has paused, as last reported.")
	held     = gauge("checkpoint_lease_held", "Leases that open subscriptions hold.")
	left     = gauge("checkpoint_lease_remaining_seconds", "How long the lease lasts, unless it is renewed.")

	gauges = []*prometheus.Desc{lag, lagTime, tail, advanced, inFlight, oldest, paused, held, left}
)

func gauge(name, help string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, []string{keyLabel}, nil)
}

func (c *Collector) collectGauges(to chan<- prometheus.Metric) {
	for _, g := range c.consumers.Read(c.keys) {
		send := func(d *prometheus.Desc, value float64) {
			to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, g.Label)
		}
		send(inFlight, float64(g.InFlight))
		send(oldest, g.Oldest.Seconds())
		if !g.Advanced.IsZero() {
			send(advanced, metrics.Epoch(g.Advanced))
		}
		if g.HasLag {
			send(lag, float64(g.Lag))
		}
		if g.HasTime {
			send(lagTime, g.LagTime.Seconds())
		}
		if g.HasTail {
			send(tail, float64(g.Tail))
		}
		if g.Reported {
			send(paused, float64(g.Paused))
		}
		if g.Leased {
			send(held, float64(g.Held))
			send(left, g.Left.Seconds())
		}
	}
}
