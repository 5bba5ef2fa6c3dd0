package top

import (
	"errors"

	tea "charm.land/bubbletea/v2"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/watch"
	"github.com/checkpointstore/checkpoint/driver"
)

// A detail is all that is known of one key.
type detail struct {
	traces

	row     watch.Row
	gone    bool // from the store, since row was read
	first   int  // line on the screen
	read    bool // the traces
	problem string
}

// traces are what a store has kept of a key.
type traces struct {
	entries []checkpoint.AuditEntry
	samples []checkpoint.Sample

	noHistory, noSamples bool // the engine keeps none
}

// detailMsg is what a read of one key has found.
type detailMsg struct {
	traces

	key     string
	problem string
}

// readDetail reads the history and the samples of the key that is shown, and of no other.
func (m model) readDetail(key string) tea.Cmd {
	return func() tea.Msg {
		ctx, cancel := m.Limit(m.ctx)
		defer cancel()
		var t traces
		var err error
		t.entries, err = m.Store.History(ctx, key, driver.AuditEntries)
		if t.noHistory = errors.Is(err, checkpoint.ErrUnsupported); err != nil && !t.noHistory {
			return detailMsg{key: key, problem: m.explain(err)}
		}
		t.samples, err = m.Store.Samples(ctx, key)
		if t.noSamples = errors.Is(err, checkpoint.ErrUnsupported); err != nil && !t.noSamples {
			return detailMsg{key: key, problem: m.explain(err)}
		}
		return detailMsg{key: key, traces: t}
	}
}

// with returns the detail after a read. After a failure it keeps what it has.
func (d detail) with(msg detailMsg) detail {
	if msg.key != d.row.Key {
		return d
	}
	d.problem = msg.problem
	if d.problem == "" {
		d.traces, d.read = msg.traces, true
	}
	return d
}

// refreshed returns the detail with the row of its key among rows.
func (d detail) refreshed(rows []watch.Row) detail {
	d.gone = true
	for i := range rows {
		if rows[i].Key == d.row.Key {
			d.row, d.gone = rows[i], false
		}
	}
	return d
}

func (m model) detailKey(key tea.KeyPressMsg) (tea.Model, tea.Cmd) {
	if n, ok := m.step(key.String()); ok {
		m.detail.first = min(max(0, m.detail.first+n), max(0, len(m.detailLines())-m.linesFit()))
		return m, nil
	}
	switch key.String() {
	case "esc", "enter", "left":
		m.mode = listing
		m.layout()
	case "q":
		return m, tea.Quit
	case "?":
		m.help = true
	case "R", "U":
		return m.ask(m.detail.row.Key, key.String() == "U")
	}
	return m, nil
}
