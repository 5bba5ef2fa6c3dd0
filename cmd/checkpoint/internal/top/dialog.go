package top

import (
	"fmt"

	tea "charm.land/bubbletea/v2"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/rewind"
)

// A stage is what a dialog waits for.
type stage int

const (
	choosing   stage = iota // where to go
	planning                // the store
	confirming              // the key
	reasoning               // the reason
	applying                // the store
	finished                // nothing
)

// A dialog leads a person to a rewind of one key.
type dialog struct {
	number  int // tells the answers to this dialog from those to one before
	key     string
	undo    bool
	stage   stage
	input   input
	asked   int // how often for the reason
	samples []checkpoint.Sample
	chosen  int // of samples; -1: none
	step    rewind.Step
	because string // what the program itself puts before the reason
	problem string
	result  []string
}

// ask begins a dialog.
func (m model) ask(key string, undo bool) (tea.Model, tea.Cmd) {
	if !m.Write {
		name := "R rewinds"
		if undo {
			name = "U undoes a change"
		}
		m.notice = name + " only if top runs with --write"
		return m, nil
	}
	if err := checkpoint.ValidateKey(key); err != nil {
		m.notice = err.Error()
		return m, nil
	}
	m.from, m.mode = m.mode, asking
	m.dialog = dialog{number: m.dialog.number + 1, key: key, undo: undo, chosen: -1, input: newInput("")}
	if undo {
		m.dialog.stage = planning
		return m, m.planUndo(m.dialog)
	}
	return m, m.readSamples(m.dialog)
}

// dialogKey handles a key of a dialog.
func (m model) dialogKey(key tea.KeyPressMsg) (tea.Model, tea.Cmd) {
	d := &m.dialog
	switch name := key.String(); {
	case d.stage == applying: // what was sent cannot be taken back
		return m, nil
	case d.stage == finished && (name == "esc" || name == "enter"):
		m.mode = m.from
		return m, nil
	case name == "esc":
		m.mode, m.notice = m.from, "nothing was changed"
		d.number++
		return m, nil
	case d.stage == choosing && (name == "up" || name == "down"):
		d.choose(name == "down")
		return m, nil
	case name == "enter":
		d.problem = ""
		return m.confirm()
	}
	return m.typed(key)
}

// choose takes the next sample, or the one before.
func (d *dialog) choose(next bool) {
	to := d.chosen - 1
	if next {
		to = d.chosen + 1
	}
	if to < 0 || to >= len(d.samples) {
		return
	}
	d.chosen = to
	d.input = d.input.holding(d.samples[to].Position.String())
}

// confirm goes to the next stage.
func (m model) confirm() (tea.Model, tea.Cmd) {
	d := &m.dialog
	switch d.stage {
	case choosing:
		d.stage = planning
		return m, m.plan(*d, d.input.text())
	case confirming:
		if d.input.field.Value() != d.key {
			d.problem = "this is not the key"
			return m, nil
		}
		d.stage, d.input = reasoning, newInput("").holding(m.Reason)
	case reasoning:
		if d.asked++; d.input.text() == "" && d.asked == 1 {
			d.problem = "Enter again for no reason"
			return m, nil
		}
		d.stage = applying
		return m, m.apply(*d, d.input.text())
	}
	return m, nil
}

// offered takes the samples to choose from.
func (d dialog) offered(msg samplesMsg) dialog {
	if msg.number != d.number {
		return d
	}
	d.samples, d.problem = msg.samples, msg.problem
	return d
}

// planned takes the answer of the store.
func (d dialog) planned(msg planMsg) dialog {
	if msg.number != d.number || d.stage != planning {
		return d
	}
	d.step, d.because, d.problem = msg.step, msg.because, msg.problem
	if d.problem == "" && d.step.Stays() {
		d.problem = fmt.Sprintf("it is at %s already", d.step.Position)
	}
	switch {
	case d.problem == "":
		d.stage, d.input = confirming, newInput("")
	case d.undo:
		d.stage, d.result = finished, nil
	default:
		d.stage = choosing
	}
	return d
}

// done takes what became of the rewind.
func (d dialog) done(msg doneMsg) dialog {
	if msg.number == d.number {
		d.stage, d.result, d.problem = finished, msg.result, msg.problem
	}
	return d
}
