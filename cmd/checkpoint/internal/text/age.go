// Package text writes what the commands and the page show of values. It knows no terminal.
package text

import (
	"time"

	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/watch"
)

// Ago says how long before now t was: "3m ago". A zero t is "-".
func Ago(now, t time.Time) string {
	switch d := now.Sub(t); {
	case t.IsZero():
		return "-"
	case d < -time.Second:
		return "in " + watch.Span(-d)
	case d < time.Second:
		return "just now"
	default:
		return watch.Span(d) + " ago"
	}
}

// Ahead says how long after now t is: "in 5m". A zero t is "never".
func Ahead(now, t time.Time) string {
	switch d := t.Sub(now); {
	case t.IsZero():
		return "never"
	case d < time.Second:
		return "now"
	default:
		return "in " + watch.Span(d)
	}
}
