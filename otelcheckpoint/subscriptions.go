package otelcheckpoint

import (
	"context"
	"math"

	"go.opentelemetry.io/otel/metric"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/internal/metrics"
	"github.com/checkpointstore/checkpoint/subscription"
)

// Opened implements subscription.OpenedObserver. The gauges of s end with its Context.
func (o *Observer) Opened(key string, s *subscription.Subscription) {
	o.series.Get(o.keys.Label(key))
	o.consumers.Opened(key, s)
}

// LagRead implements subscription.LagObserver.
func (o *Observer) LagRead(key string, lag uint64) { o.consumers.LagRead(key, lag) }

// Reported implements subscription.ReportedObserver.
func (o *Observer) Reported(key string, status checkpoint.Status) { o.consumers.Reported(key, status) }

// LeaseLost implements subscription.LeaseLostObserver.
func (o *Observer) LeaseLost(lease checkpoint.Lease, _ error) {
	o.counts.lost.Add(context.Background(), 1, o.series.Get(o.keys.Label(lease.Key)).rest...)
}

// EventDone implements subscription.EventDoneObserver. An event that was parked counts as
// an error.
func (o *Observer) EventDone(e subscription.Event) { o.processed(e) }

// EventFailed implements subscription.EventFailedObserver.
func (o *Observer) EventFailed(e subscription.Event) { o.processed(e) }

func (o *Observer) processed(e subscription.Event) {
	options := o.events.Get(labelled{o.keys.Label(e.Key), metrics.ErrorType(e.Err)})
	o.counts.events.Record(context.Background(), metrics.Duration(e), options...)
}

// registerGauges registers what is read from Stats whenever the metrics are collected.
func (o *Observer) registerGauges(meter metric.Meter) error {
	m := maker{meter: meter}
	lag := m.number("checkpoint.lag", "{position}", "Distance to the head, as last read: from the low watermark in a report, from the stored position in Subscription.Lag.")
	lagTime := m.seconds("checkpoint.lag.time", "How long the oldest event that is not done has been in the log, as last reported.")
	tail := m.number("checkpoint.tail.distance", "{position}", "Distance from the beginning of the log to the low watermark, as last reported.")
	advanced := m.seconds("checkpoint.advanced.timestamp", "When the stored position last moved, in seconds since the epoch.")
	inFlight := m.number("checkpoint.in_flight", "{event}", "Events in work.")
	oldest := m.seconds("checkpoint.oldest_in_flight.age", "Age of the event that is longest in work.")
	paused := m.number("checkpoint.paused", "{subscription}", "Open subscriptions that an operator has paused, as last reported.")
	held := m.number("checkpoint.lease.held", "{lease}", "Leases that open subscriptions hold.")
	left := m.seconds("checkpoint.lease.remaining", "How long the lease lasts, unless it is renewed.")
	if m.err != nil {
		return m.err
	}
	_, err := meter.RegisterCallback(func(_ context.Context, to metric.Observer) error {
		for _, g := range o.consumers.Read(o.keys) {
			key := metric.WithAttributeSet(set(keyAttribute.String(g.Label)))
			to.ObserveInt64(inFlight, int64(g.InFlight), key)
			to.ObserveFloat64(oldest, g.Oldest.Seconds(), key)
			if !g.Advanced.IsZero() {
				to.ObserveFloat64(advanced, metrics.Epoch(g.Advanced), key)
			}
			if g.HasLag {
				to.ObserveInt64(lag, int64(min(g.Lag, math.MaxInt64)), key)
			}
			if g.HasTime {
				to.ObserveFloat64(lagTime, g.LagTime.Seconds(), key)
			}
			if g.HasTail {
				to.ObserveInt64(tail, int64(min(g.Tail, math.MaxInt64)), key)
			}
			if g.Reported {
				to.ObserveInt64(paused, int64(g.Paused), key)
			}
			if g.Leased {
				to.ObserveInt64(held, int64(g.Held), key)
				to.ObserveFloat64(left, g.Left.Seconds(), key)
			}
		}
		return nil
	}, lag, lagTime, tail, advanced, inFlight, oldest, paused, held, left)
	return err
}
