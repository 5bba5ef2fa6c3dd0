package promcheckpoint

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/checkpointstore/checkpoint/group"
	"github.com/checkpointstore/checkpoint/internal/metrics"
)

const groupLabel = "checkpoint_group"

var (
	members    = prometheus.NewDesc("checkpoint_group_members", "Members of the group that live, as last seen.", []string{groupLabel}, nil)
	partitions = prometheus.NewDesc("checkpoint_group_partitions", "Partitions that this process holds.", []string{groupLabel}, nil)

	groupGauges = []*prometheus.Desc{members, partitions}
)

// groupSeries are the counters of one group.
type groupSeries struct {
	moves   map[string]prometheus.Counter // by kind
	handoff prometheus.Observer
}

// newGroup begins the counters of a group at zero.
func (c *Collector) newGroup(name string) *groupSeries {
	s := &groupSeries{moves: make(map[string]prometheus.Counter), handoff: c.vectors.handoffs.WithLabelValues(name)}
	for _, kind := range metrics.MoveKinds {
		s.moves[kind] = c.vectors.moves.WithLabelValues(name, kind)
	}
	return s
}

// Viewed implements group.ViewObserver.
func (c *Collector) Viewed(v group.View) {
	c.groupSeries.Get(v.Group)
	c.groups.Viewed(v)
}

// Moved implements group.MoveObserver.
func (c *Collector) Moved(m group.Move) {
	c.groups.Moved(m)
	s := c.groupSeries.Get(m.Group)
	s.moves[metrics.MoveKind(m)].Inc()
	if m.Gained {
		s.handoff.Observe(m.Took.Seconds())
	}
}

func (c *Collector) collectGroups(to chan<- prometheus.Metric) {
	for _, g := range c.groups.Read() {
		to <- prometheus.MustNewConstMetric(members, prometheus.GaugeValue, float64(g.Members), g.Group)
		to <- prometheus.MustNewConstMetric(partitions, prometheus.GaugeValue, float64(g.Partitions), g.Group)
	}
}
