package top

import (
	"fmt"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/output"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/watch"
)

const (
	above = 3 // lines above what changes with the mode
	below = 2 // lines below it

	gutter = 2 // before each row
)

// linesFit is how many lines there are between the head and the foot. One of them is the
// head of the table: rowsFit is one less.
func (m model) linesFit() int { return max(1, m.height-above-below) }

func (m model) rowsFit() int { return max(1, m.linesFit()-1) }

// View implements [tea.Model].
func (m model) View() tea.View {
	lines, cursor := m.body()
	if fit := m.linesFit(); len(lines) > fit {
		lines = lines[:fit]
	}
	for len(lines) < m.linesFit() {
		lines = append(lines, "")
	}
	lines = append(m.head(), lines...)
	lines = append(lines, m.foot()...)
	if cursor != nil {
		cursor.Y += above
	}
	if m.mode == filtering && !m.help {
		cursor = m.filter.cursor(0, len(lines)-1)
	}
	for i, line := range lines {
		lines[i] = ansi.Truncate(line, m.width, "…")
	}
	v := tea.NewView(strings.Join(lines[:min(len(lines), m.height)], "\n"))
	v.AltScreen = true
	v.Cursor = cursor
	return v
}

// body is what is between the head and the foot.
func (m model) body() ([]string, *tea.Cursor) {
	switch {
	case m.help:
		return helpLines(m.Write), nil
	case m.mode == detailing:
		lines := m.detailLines()
		return lines[min(m.detail.first, max(0, len(lines)-m.linesFit())):], nil
	case m.mode == grouping:
		lines := m.groupLines()
		return lines[min(m.groups.first, max(0, len(lines)-m.linesFit())):], nil
	case m.mode == asking:
		return m.dialogLines()
	}
	return m.table(), nil
}

// head says of which store this is, how its consumers are, and when that was read.
func (m model) head() []string {
	when := "reading ..."
	if !m.reads.at.IsZero() {
		when = fmt.Sprintf("read %s, every %v", m.reads.at.UTC().Format(time.TimeOnly+"Z"), m.Interval)
	}
	name := output.Printable(m.Name)
	if m.Pattern != "*" {
		name += "  " + output.Printable(m.Pattern)
	}
	old := m.old()
	if old != "" {
		old = danger.Render("! " + old)
	}
	return []string{m.spread(heading.Render(name), when), m.spread(m.counts(), m.showing()), old}
}

// counts are how many consumers are in each state, the worst first.
func (m model) counts() string {
	count := make(map[watch.State]int)
	for i := range m.list.all {
		count[m.list.all[i].State]++
	}
	var parts []string
	for _, s := range watch.States {
		if n := count[s]; n > 0 {
			parts = append(parts, colour(s).Render(fmt.Sprintf("%d %s", n, s)))
		}
	}
	return strings.Join(parts, "  ")
}

// showing says which rows are shown, and how they are sorted.
func (m model) showing() string {
	l := &m.list
	text := fmt.Sprintf("%d keys", len(l.all))
	if len(l.all) == 1 {
		text = "1 key"
	}
	if l.filter != "" {
		text = fmt.Sprintf("%d of %d with %s", len(l.shown), len(l.all), output.Printable(l.filter))
	}
	return text + ", by " + l.order
}

// table is the head of the table, and the rows that fit.
func (m model) table() []string {
	l := &m.list
	if len(l.shown) == 0 {
		return []string{"", m.empty()}
	}
	head := l.table.Head()
	if m.room(head) > 0 {
		head += "  WHY"
	}
	lines := []string{heading.Render(strings.Repeat(" ", gutter) + head)}
	for i := l.first; i < min(len(l.shown), l.first+m.rowsFit()); i++ {
		lines = append(lines, m.row(i))
	}
	return lines
}

func (m model) empty() string {
	switch {
	case m.reads.at.IsZero():
		return ""
	case len(m.list.all) == 0:
		return "  nothing matches " + output.Printable(m.Pattern)
	}
	return "  no key, state or owner has " + output.Printable(m.list.filter) + " in it; Esc shows all"
}

// room is how much of the reason of a state fits behind a line of the table.
func (m model) room(line string) int {
	room := m.width - gutter - lipgloss.Width(line) - 2
	if room < 24 {
		return 0
	}
	return room
}

// row is a row of the table. If there is room, it says why the consumer is in its state.
func (m model) row(i int) string {
	r := m.list.shown[i]
	line := m.list.table.Row(r)
	if room := m.room(line); r.Why != "" && room > 0 {
		line += "  " + ansi.Truncate(output.Printable(r.Why), room, "…")
	}
	mark, style := strings.Repeat(" ", gutter), colour(r.State)
	if m.old() != "" {
		mark, style = " ~", dim
	}
	if i == m.list.cursor {
		mark, style = "▸"+mark[1:], style.Reverse(true)
		line += strings.Repeat(" ", max(0, m.width-gutter-lipgloss.Width(line)))
	}
	return style.Render(mark + line)
}

// foot is a line about the selected row, or a notice, and a line of keys.
func (m model) foot() []string {
	about, keys := "", "↑↓ move  Enter detail  / filter  s sort  R rewind  U undo  ? help  q quit"
	if len(m.groups.all) > 0 { // the line is full
		keys = strings.Replace(keys, "↑↓ move", "m groups", 1)
	}
	switch m.mode {
	case filtering:
		keys = m.filter.view()
	case detailing:
		keys = "↑↓ scroll  Esc back  R rewind  U undo  ? help  q quit"
	case grouping:
		keys = "↑↓ scroll  Esc back  ? help  q quit"
	case asking:
		keys = m.dialog.keys()
	}
	if r := m.list.current(); r != nil && r.Why != "" && m.mode <= filtering {
		about = output.Printable(r.Key) + ": " + output.Printable(r.Why)
	}
	if m.help {
		about, keys = "", "any key goes back"
	}
	if m.notice != "" {
		about = warning.Render(m.notice)
	}
	if m.mode != filtering {
		keys = dim.Render(keys)
	}
	return []string{about, keys}
}

func (d *dialog) keys() string {
	switch d.stage {
	case applying:
		return ""
	case finished:
		return "Enter back"
	case choosing:
		return "Enter shows what it would do  ↑↓ choose  Esc changes nothing"
	}
	return "Enter goes on  Esc changes nothing"
}

// spread puts two texts at both ends of a line. If there is no room, it cuts the left one.
func (m model) spread(left, right string) string {
	left = ansi.Truncate(left, max(0, m.width-lipgloss.Width(right)-2), "…")
	return left + strings.Repeat(" ", max(2, m.width-lipgloss.Width(left)-lipgloss.Width(right))) + right
}
