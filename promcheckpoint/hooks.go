package promcheckpoint

import (
	"context"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/internal/metrics"
	"github.com/checkpointstore/checkpoint/subscription"
)

// CallEnd implements checkpoint.CallEnder.
func (c *Collector) CallEnd(_ context.Context, call checkpoint.Call, r checkpoint.CallResult) {
	c.calls.Get(metrics.CallOf(call, r)).Observe(r.Duration.Seconds())
	metrics.CountWrites(call, r, func(outcome checkpoint.Outcome, n int) {
		if n > 0 {
			c.series.Get(c.keys.Label(call.Key)).writes[outcome].Add(float64(n))
		}
	})
	if metrics.IsRewind(call, r) {
		c.series.Get(c.keys.Label(call.Key)).rewinds.Inc()
	}
}

// Opened implements subscription.OpenedObserver. The gauges of s end with its Context.
func (c *Collector) Opened(key string, s *subscription.Subscription) {
	c.series.Get(c.keys.Label(key))
	c.consumers.Opened(key, s)
}

// Flushed implements subscription.FlushedObserver.
func (c *Collector) Flushed(f subscription.Flush) { c.consumers.Flushed(f) }

// LagRead implements subscription.LagObserver.
func (c *Collector) LagRead(key string, lag uint64) { c.consumers.LagRead(key, lag) }

// Reported implements subscription.ReportedObserver.
func (c *Collector) Reported(key string, status checkpoint.Status) { c.consumers.Reported(key, status) }

// LeaseLost implements subscription.LeaseLostObserver.
func (c *Collector) LeaseLost(lease checkpoint.Lease, _ error) {
	c.series.Get(c.keys.Label(lease.Key)).lost.Inc()
}

// EventDone implements subscription.EventDoneObserver. An event that was parked counts as
// an error.
func (c *Collector) EventDone(e subscription.Event) { c.processed(e) }

// EventFailed implements subscription.EventFailedObserver.
func (c *Collector) EventFailed(e subscription.Event) { c.processed(e) }

func (c *Collector) processed(e subscription.Event) {
	c.events.Get(labelled{c.keys.Label(e.Key), metrics.ErrorType(e.Err)}).Observe(metrics.Duration(e))
}
