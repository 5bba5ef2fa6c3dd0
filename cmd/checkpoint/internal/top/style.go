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

	colours = map[watch.State]lipgloss.Style{
		watch.Damaged: red, watch.Stuck: red, watch.Dead: red, watch.Stale: red,
		watch.Late: yellow, watch.Slow: yellow, watch.Rewound: yellow,
		watch.Paused: blue, watch.Draining: blue, watch.Standby: blue, watch.Silent: plain,
		watch.Running: plain, watch.Idle: dim, watch.Stopped: dim,
	}
	red    = plain.Foreground(lipgloss.Red)
	yellow = plain.Foreground(lipgloss.Yellow)
	blue   = plain.Foreground(lipgloss.Cyan)
)
