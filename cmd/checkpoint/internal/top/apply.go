package top

import (
	"errors"
	"fmt"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/doubt"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/output"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/rewind"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/text"
	"github.com/checkpointstore/checkpoint/driver"
)

// The messages of a dialog carry its number.
type (
	samplesMsg struct {
		number  int
		samples []checkpoint.Sample
		problem string
	}
	planMsg struct {
		number  int
		step    rewind.Step
		because string
		problem string
	}
	doneMsg struct {
		number  int
		result  []string
		problem string
	}
)

func (m model) readSamples(d dialog) tea.Cmd {
	return func() tea.Msg {
		ctx, cancel := m.Limit(m.ctx)
		defer cancel()
		samples, err := m.Store.Samples(ctx, d.key)
		if err != nil && !errors.Is(err, checkpoint.ErrUnsupported) {
			return samplesMsg{number: d.number, problem: m.explain(err)}
		}
		return samplesMsg{number: d.number, samples: samples}
	}
}

// plan finds out what a rewind to the place that text names would do.
func (m model) plan(d dialog, text string) tea.Cmd {
	return func() tea.Msg {
		ctx, cancel := m.Limit(m.ctx)
		defer cancel()
		target, err := rewind.Where(ctx, m.Store, text, time.Now())
		if err != nil {
			return planMsg{number: d.number, problem: output.Printable(err.Error())}
		}
		before, err := rewind.Before(ctx, m.Store, d.key)
		return m.planned(d, before, err, target, "")
	}
}

// planUndo finds out what the undo of the latest change would do. What the key holds is read
// first: if it changes after that, the undo is refused.
func (m model) planUndo(d dialog) tea.Cmd {
	return func() tea.Msg {
		ctx, cancel := m.Limit(m.ctx)
		defer cancel()
		before, err := rewind.Before(ctx, m.Store, d.key)
		if err != nil {
			return planMsg{number: d.number, problem: m.explain(err)}
		}
		entries, err := m.Store.History(ctx, d.key, driver.AuditEntries)
		if err != nil {
			return planMsg{number: d.number, problem: m.explain(err)}
		}
		undo, err := rewind.UndoOf(entries, 0)
		return m.planned(d, before, err, rewind.To(undo.To), undo.Reason())
	}
}

func (m model) planned(d dialog, before checkpoint.Cell, err error, target rewind.Target, because string) planMsg {
	msg := planMsg{number: d.number, because: because}
	if err == nil {
		msg.step = rewind.StepOf(before, target)
		err = msg.step.Err
	}
	if err == nil && !before.Checkpoint.Exists {
		err = fmt.Errorf("%q has no checkpoint", d.key)
	}
	if err != nil {
		msg.problem = m.explain(err)
	}
	return msg
}

// apply makes the rewind with the fence that was shown.
func (m model) apply(d dialog, reason string) tea.Cmd {
	op := "" // the store names the call
	if d.undo {
		op = "undo"
	}
	if d.because != "" && reason != "" {
		reason = ": " + reason
	}
	by := driver.By{Actor: m.Actor, Reason: d.because + reason, Op: op}
	return func() tea.Msg {
		ctx, cancel := m.Limit(driver.WithBy(m.ctx, by))
		defer cancel()
		var c checkpoint.Checkpoint
		opts, err := d.step.AsPlanned(ctx, m.Store)
		sent := err == nil
		if sent {
			c, err = m.Store.Rewind(ctx, d.key, d.step.Position, opts...)
		}
		switch {
		case sent && doubt.MayBeMade(err):
			return doneMsg{d.number, nil, m.explain(err) + ". It is not known whether it was rewound: `checkpoint history KEY` says so."}
		case errors.Is(err, checkpoint.ErrFenced):
			return doneMsg{d.number, nil, "Somebody has rewound it or taken its lease over meanwhile. It stays as it is; look at it again."}
		case err != nil:
			return doneMsg{d.number, nil, m.explain(err)}
		}
		return doneMsg{d.number, said(d, c, d.step.Replaced(ctx, m.Store, c.Epoch)), ""}
	}
}

// said says what a rewind has done. It has replaced the position old.
func said(d dialog, c checkpoint.Checkpoint, old *checkpoint.Position) []string {
	before := &d.step.Before
	lines := []string{fmt.Sprintf("It went from %s to %s, and its epoch is %d now.", text.Position(old), text.Position(&c.Position), c.Epoch)}
	if old == nil {
		return lines
	}
	if planned := before.Checkpoint; planned.Err == nil && *old != planned.Position {
		lines = append(lines, fmt.Sprintf("It had moved from %s to %s meanwhile.", text.Position(&planned.Position), text.Position(old)))
	}
	if c.Position.Compare(*old) > 0 {
		lines = append(lines, fmt.Sprintf("Nobody will do the events after %s, up to %s.", text.Position(old), text.Position(&c.Position)))
	}
	if rewind.Unfenced(before, time.Now()) {
		lines = append(lines, "A consumer that writes without an epoch is not locked out, and undoes the change with its next write. Stop it, then rewind again.")
	}
	return append(lines, "An instance that starts goes on from there.")
}
