package top

import (
	"charm.land/lipgloss/v2"

	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/watch"
)

// No colour says what the text does not say. Bubble Tea leaves colours out if NO_COLOR is
// set, or if the terminal has none.
var (
	plain    = lipgloss.NewStyle()
	heading  = plain.Bold(true)
	dim      = plain.Faint(true)
	selected = plain.Reverse(true)
	danger   = plain.Foreground(lipgloss.Red).Bold(true)
	warning  = plain.Foreground(lipgloss.Yellow).Bold(true)

	red    = plain.Foreground(lipgloss.Red)
	yellow = plain.Foreground(lipgloss.Yellow)
	cyan   = plain.Foreground(lipgloss.Cyan)
)

// colour is how a row in a state is drawn.
func colour(s watch.State) lipgloss.Style {
	if s.IsStuck() {
		return red
	}
	switch s {
	case watch.Late, watch.Slow, watch.Rewound:
		return yellow
	case watch.Paused, watch.Draining, watch.Standby:
		return cyan
	case watch.Idle, watch.Stopped:
		return dim
	}
	return plain
}
