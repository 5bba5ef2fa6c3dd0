package otelcheckpoint

import (
	"context"

	"go.opentelemetry.io/otel/metric"

	"github.com/checkpointstore/checkpoint/group"
	"github.com/checkpointstore/checkpoint/internal/metrics"
)

// groupSeries are the options of the counters of one group.
type groupSeries struct {
	moves map[string][]metric.AddOption // by kind
	group []metric.RecordOption
}

// newGroup begins the counters of a group at zero.
func (o *Observer) newGroup(name string) *groupSeries {
	attribute := groupAttribute.String(name)
	s := &groupSeries{
		moves: make(map[string][]metric.AddOption),
		group: []metric.RecordOption{metric.WithAttributeSet(set(attribute))},
	}
	for _, kind := range metrics.MoveKinds {
		s.moves[kind] = []metric.AddOption{metric.WithAttributeSet(set(attribute, moveAttribute.String(kind)))}
		o.counts.moves.Add(context.Background(), 0, s.moves[kind]...)
	}
	return s
}

// Viewed implements group.ViewObserver.
func (o *Observer) Viewed(v group.View) {
	o.groupSeries.Get(v.Group)
	o.groups.Viewed(v)
}

// Moved implements group.MoveObserver.
func (o *Observer) Moved(m group.Move) {
	o.groups.Moved(m)
	s := o.groupSeries.Get(m.Group)
	o.counts.moves.Add(context.Background(), 1, s.moves[metrics.MoveKind(m)]...)
	if m.Gained {
		o.counts.handoffs.Record(context.Background(), m.Took.Seconds(), s.group...)
	}
}

// registerGroups registers the gauges of groups.
func (o *Observer) registerGroups(meter metric.Meter) error {
	m := maker{meter: meter}
	members := m.number("checkpoint.group.members", "{member}", "Members of the group that live, as last seen.")
	partitions := m.number("checkpoint.group.partitions", "{partition}", "Partitions that this process holds.")
	if m.err != nil {
		return m.err
	}
	_, err := meter.RegisterCallback(func(_ context.Context, to metric.Observer) error {
		for _, g := range o.groups.Read() {
			group := metric.WithAttributeSet(set(groupAttribute.String(g.Group)))
			to.ObserveInt64(members, int64(g.Members), group)
			to.ObserveInt64(partitions, int64(g.Partitions), group)
		}
		return nil
	}, members, partitions)
	return err
}
