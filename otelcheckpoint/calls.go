package otelcheckpoint

import (
	"context"

	"go.opentelemetry.io/otel/metric"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/internal/metrics"
)

// series are the counters of one label.
type series struct {
	writes [len(metrics.Outcomes)][]metric.AddOption // by outcome
	rest   []metric.AddOption
}

// newSeries begins the counters of a label at zero: a counter that begins at one never
// rises.
func (o *Observer) newSeries(label string) *series {
	ctx := context.Background()
	key := keyAttribute.String(label)
	s := &series{rest: []metric.AddOption{metric.WithAttributeSet(set(key))}}
	for _, outcome := range metrics.Outcomes {
		s.writes[outcome] = []metric.AddOption{metric.WithAttributeSet(set(key, outcomeAttribute.String(outcome.String())))}
		o.counts.writes.Add(ctx, 0, s.writes[outcome]...)
	}
	o.counts.rewinds.Add(ctx, 0, s.rest...)
	o.counts.lost.Add(ctx, 0, s.rest...)
	return s
}

// CallStart implements checkpoint.CallStarter.
func (o *Observer) CallStart(ctx context.Context, c checkpoint.Call) context.Context {
	if o.tracer == nil {
		return ctx
	}
	return o.startCall(ctx, c)
}

// CallEnd implements checkpoint.CallEnder.
func (o *Observer) CallEnd(ctx context.Context, c checkpoint.Call, r checkpoint.CallResult) {
	call := metrics.CallOf(c, r)
	o.counts.calls.Record(ctx, r.Duration.Seconds(), o.calls.Get(call)...)
	metrics.CountWrites(c, r, func(outcome checkpoint.Outcome, n int) {
		if n > 0 {
			o.counts.writes.Add(ctx, int64(n), o.series.Get(o.keys.Label(c.Key)).writes[outcome]...)
		}
	})
	if metrics.IsRewind(c, r) {
		o.counts.rewinds.Add(ctx, 1, o.series.Get(o.keys.Label(c.Key)).rest...)
	}
	if o.tracer != nil {
		o.endCall(ctx, c, r, call.Error)
	}
}
