package top

import (
	"context"
	"errors"
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/text"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/watch"
)

// reads is what is known of the reads of the store. One is under way at most.
type reads struct {
	underWay bool
	began    time.Time // the last one
	at       time.Time // when the rows that are shown were read; zero: never
	problem  string    // of the last one
}

// dueMsg says that an interval has begun.
type dueMsg struct{}

// readMsg is what a read has found.
type readMsg struct {
	rows    []watch.Row
	groups  []watch.Group
	none    bool // the engine keeps no groups
	at      time.Time
	problem string
}

// due reads the store once in each interval, unless a read is still under way.
func (m model) due() (tea.Model, tea.Cmd) {
	next := tea.Tick(m.Interval, func(time.Time) tea.Msg { return dueMsg{} })
	if m.reads.underWay {
		return m, next
	}
	m.reads.underWay, m.reads.began = true, time.Now()
	return m, tea.Batch(next, m.readStore)
}

func (m model) readStore() tea.Msg {
	ctx, cancel := m.Limit(m.ctx)
	defer cancel()
	rows, err := m.Rules.Snapshot(ctx, m.Store, m.Pattern)
	if err != nil {
		return readMsg{problem: m.explain(err)}
	}
	found, err := m.groupsOf(ctx, rows)
	none := errors.Is(err, checkpoint.ErrUnsupported)
	if err != nil && !none {
		return readMsg{problem: m.explain(err)}
	}
	return readMsg{rows: rows, groups: found, none: none, at: time.Now()}
}

// groupsOf returns the groups that have a key among the rows, with all their partitions: with a
// part of them, a member that is draining would look drained.
func (m model) groupsOf(ctx context.Context, rows []watch.Row) ([]watch.Group, error) {
	found, err := watch.Groups(ctx, m.Store, rows)
	if err != nil || m.Pattern == "*" {
		return found, err
	}
	found = slices.DeleteFunc(found, func(g watch.Group) bool { return len(g.Partitions) == 0 })
	if len(found) == 0 {
		return nil, nil
	}
	all, err := m.Rules.Snapshot(ctx, m.Store, "*")
	if err != nil {
		return nil, err
	}
	whole, err := watch.Groups(ctx, m.Store, all)
	return slices.DeleteFunc(whole, func(g watch.Group) bool {
		return !slices.ContainsFunc(found, func(f watch.Group) bool { return f.Name == g.Name })
	}), err
}

// read takes what a read has found. After a failure the old rows stay.
func (m model) read(msg readMsg) (tea.Model, tea.Cmd) {
	m.reads.underWay, m.reads.problem = false, msg.problem
	if msg.problem != "" {
		return m, nil
	}
	m.trails = m.trails.after(msg.rows, msg.at.Sub(m.reads.at).Seconds())
	m.reads.at = msg.at
	m.list.all, m.groups.all, m.groups.unsupported = msg.rows, msg.groups, msg.none
	m.layout()
	if m.mode == detailing {
		m.detail = m.detail.refreshed(m.list.all)
		return m, m.readDetail(m.detail.row.Key)
	}
	return m, nil
}

// old says why the rows are not what the store holds now. It is "" if they are.
func (m model) old() string {
	why := m.reads.problem
	if why == "" && m.reads.underWay && m.now.Sub(m.reads.began) > max(2*m.Interval, 3*time.Second) {
		why = "the store has not answered since"
	}
	switch {
	case why == "":
		return ""
	case m.reads.at.IsZero():
		return "nothing was read yet: " + why
	}
	return "OLD: last read " + text.Ago(m.now, m.reads.at) + ": " + why
}
