package text

import (
	"fmt"
	"strconv"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/watch"
)

// Position is the shortest text of a position, or "-".
func Position(p *checkpoint.Position) string {
	switch {
	case p == nil:
		return "-"
	case p.Commit == p.Prepare:
		return strconv.FormatUint(p.Commit, 10)
	}
	return p.String()
}

// RowPosition is the position of a row, as short as it can be.
func RowPosition(r watch.Row) string {
	if c := r.Cell.Checkpoint; c.Exists && c.Err == nil {
		return Position(&c.Position)
	}
	return "-"
}

// Lag is how far a row is behind, in positions.
func Lag(r watch.Row) string {
	if r.Worker == nil || r.Worker.Lag == nil {
		return "-"
	}
	return strconv.FormatUint(*r.Worker.Lag, 10)
}

// Behind is how far a row is behind, in time. "≥" says that it is at least as far.
func Behind(r watch.Row) string {
	if r.Worker == nil || r.Worker.LagTime == nil {
		return "-"
	}
	text := watch.Span(*r.Worker.LagTime)
	if r.Worker.LagAtLeast {
		return "≥" + text
	}
	return text
}

// Rate is how many events the instance at work finishes in a second.
func Rate(r watch.Row) string {
	if r.Worker == nil {
		return "-"
	}
	return rate(r.Worker.Rate)
}

func rate(perSecond float64) string {
	if perSecond >= 10 || perSecond == 0 {
		return fmt.Sprintf("%.0f/s", perSecond)
	}
	return fmt.Sprintf("%.1f/s", perSecond)
}

// Lease is for how long the lease still lasts.
func Lease(r watch.Row) string { return optionalSpan(r.LeaseLeft) }

// Age is how long ago the checkpoint was written.
func Age(r watch.Row) string { return optionalSpan(r.Age) }

func optionalSpan(d *time.Duration) string {
	if d == nil {
		return "-"
	}
	return watch.Span(*d)
}
