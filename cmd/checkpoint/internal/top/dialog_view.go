package top

import (
	"fmt"

	tea "charm.land/bubbletea/v2"

	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/output"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/rewind"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/text"
)

// dialogLines are the lines of the dialog, and where the cursor stands in them.
func (m model) dialogLines() (lines []string, cursor *tea.Cursor) {
	d := &m.dialog
	title := "Rewind "
	if d.undo {
		title = "Undo the last change of "
	}
	lines = []string{heading.Render(title + output.Printable(d.key)), ""}
	if d.stage > planning && d.step.Err == nil && d.step.Before.Key != "" {
		lines = append(lines, m.preview()...)
	}
	question, hint := d.question()
	switch {
	case question != "":
		lines = append(lines, question, "> "+d.input.view())
		cursor = d.input.cursor(2, len(lines)-1)
		lines = append(lines, dim.Render(hint))
	case d.stage == planning:
		lines = append(lines, "reading ...")
	case d.stage == applying:
		lines = append(lines, "rewinding ...")
	}
	if d.problem != "" {
		lines = append(lines, "")
		for _, line := range m.wrap("! ", d.problem) {
			lines = append(lines, warning.Render(line))
		}
	}
	for _, line := range d.result {
		lines = append(lines, m.wrap("", line)...)
	}
	if d.stage == choosing {
		lines = append(lines, m.choices(m.linesFit()-len(lines))...)
	}
	return lines, cursor
}

// question is what the person must type, and a hint.
func (d *dialog) question() (question, hint string) {
	switch d.stage {
	case choosing:
		return "Where to?", "a position, start, head, 2026-01-02T15:04:05Z, or how long ago: 2h, 3d"
	case confirming:
		return "Type the key to rewind it:", "Esc changes nothing"
	case reasoning:
		return "Reason, for the history:", "Enter rewinds it; Esc changes nothing"
	}
	return "", ""
}

// preview says what the rewind does, as the command rewind does.
func (m model) preview() []string {
	s := &m.dialog.step
	before := "-"
	if c := s.Before.Checkpoint; c.Exists && c.Err == nil {
		before = text.Position(&c.Position)
	}
	effect := s.Effect()
	if s.Skips() {
		effect = danger.Render(effect + ": nobody will do these events")
	}
	out := rewind.LocksOut(&s.Before, m.now)
	if out == "" {
		out = "nobody"
	}
	lines := []string{
		"  before     " + before,
		"  after      " + text.Position(&s.Position),
		"  effect     " + effect,
	}
	lines = append(lines, m.wrap("  locks out  ", output.Printable(out))...)
	if !s.KnownAt.IsZero() {
		lines = append(lines, "  known at   "+when(m.now, s.KnownAt))
	}
	if m.dialog.because != "" {
		lines = append(lines, m.wrap("  reason     ", output.Printable(m.dialog.because))...)
	}
	return append(lines, "")
}

// choices are the samples, as far as they fit.
func (m model) choices(fit int) []string {
	d := &m.dialog
	if len(d.samples) == 0 || fit < 4 {
		return nil
	}
	lines := []string{"", "or where it stood (up and down choose):"}
	fit -= len(lines)
	first := max(0, d.chosen-fit+1)
	for i := first; i < min(len(d.samples), first+fit); i++ {
		mark := "  "
		if i == d.chosen {
			mark = "▸ "
		}
		line := mark + sample(m.now, &d.samples[i])
		if i == d.chosen {
			line = selected.Render(line)
		}
		lines = append(lines, line)
	}
	if more := len(d.samples) - first - fit; more > 0 {
		lines[len(lines)-1] = fmt.Sprintf("  and %d older ones", more+1)
	}
	return lines
}
