package output

import (
	"fmt"
	"time"
)

// Ago says how long before now t was: "3m ago". A zero t is "-".
func Ago(now, t time.Time) string {
	switch d := now.Sub(t); {
	case t.IsZero():
		return "-"
	case d < -time.Second:
		return "in " + span(-d)
	case d < time.Second:
		return "just now"
	default:
		return span(d) + " ago"
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
		return "in " + span(d)
	}
}

// span is a duration in its largest whole unit.
func span(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm", d/time.Minute)
	case d < 2*day:
		return fmt.Sprintf("%dh", d/time.Hour)
	case d < 365*day:
		return fmt.Sprintf("%dd", d/day)
	}
	return fmt.Sprintf("%dy", d/(365*day))
}
