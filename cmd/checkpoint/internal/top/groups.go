package top

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"

	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/output"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/watch"
)

// groups is the screen of the groups: their partitions by member.
type groups struct {
	all         []watch.Group
	unsupported bool // by the engine
	first       int  // line on the screen
}

func (m model) groupsKey(key tea.KeyPressMsg) (tea.Model, tea.Cmd) {
	if n, ok := m.step(key.String()); ok {
		m.groups.first = min(max(0, m.groups.first+n), max(0, len(m.groupLines())-m.linesFit()))
		return m, nil
	}
	switch key.String() {
	case "esc", "m", "left":
		m.mode = listing
		m.layout()
	case "q":
		return m, tea.Quit
	case "?":
		m.help = true
	}
	return m, nil
}

// groupLines are all lines of the groups, of which the screen shows some. A group without a
// key that matches the pattern is left out.
func (m model) groupLines() (lines []string) {
	for i := range m.groups.all {
		if g := &m.groups.all[i]; len(g.Partitions) > 0 || m.Pattern == "*" {
			lines = append(lines, m.groupOf(g)...)
		}
	}
	switch {
	case len(lines) > 0 || m.reads.at.IsZero():
		return lines
	case m.groups.unsupported:
		return []string{"", "  the engine keeps no groups"}
	}
	return []string{"", "  no group has a key that matches " + output.Printable(m.Pattern)}
}

func (m model) groupOf(g *watch.Group) []string {
	head := fmt.Sprintf("%s  %d of %d partitions held, %d free", output.Printable(g.Name), g.Held(), len(g.Partitions), g.Free())
	lines := []string{heading.Render(head)}
	holders := g.Holders()
	width := 0
	for _, h := range holders {
		width = max(width, lipgloss.Width(holderName(h)))
	}
	for _, h := range holders {
		name := holderName(h)
		prefix := fmt.Sprintf("  %s%s  %-9s  ", name, strings.Repeat(" ", width-lipgloss.Width(name)), holderState(h))
		lines = append(lines, m.wrap(prefix, partitionNames(h))...)
	}
	for i := range g.Orders {
		lines = append(lines, m.wrap("  ", output.OrderLine(&g.Orders[i]))...)
	}
	return append(lines, "")
}

// mostHolder is how many columns the name of a holder takes at most.
const mostHolder = 24

func holderName(h watch.Holder) string {
	if h.Name == "" {
		return "nobody"
	}
	return output.Shorten(output.Printable(h.Name), mostHolder)
}

func holderState(h watch.Holder) string {
	switch {
	case h.Member != nil:
		return string(h.Member.State)
	case h.Name != "":
		return "no member"
	}
	return "free"
}

// partitionNames names the partitions of a holder, and the state of each that somebody must
// look after.
func partitionNames(h watch.Holder) string {
	names := make([]string, len(h.Partitions))
	for i, p := range h.Partitions {
		names[i] = output.Printable(p.Name)
		if s := p.Row.State; s.IsStuck() {
			names[i] += " (" + string(s) + ")"
		}
	}
	if len(names) == 0 {
		return "-"
	}
	return fmt.Sprintf("%d: ", len(names)) + strings.Join(names, " ")
}
