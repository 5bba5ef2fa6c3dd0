package web

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/rewind"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/text"
)

// The size of a chart, in its own units.
const (
	chartWidth  = 1000
	chartHeight = 200
)

// A chart draws where a key stood over time, as an SVG.
type chart struct {
	Line  string // the points of a line with steps
	Marks []chartMark
	Low   string // the position at the bottom
	High  string // and at the top
	Since time.Time
	Now   time.Time
}

// A chartMark is when somebody has moved the key by hand.
type chartMark struct {
	X    string
	Text string
}

type chartPoint struct {
	at       time.Time
	position checkpoint.Position
}

// chartOf returns nil if less than two positions are known.
func chartOf(samples []checkpoint.Sample, entries []checkpoint.AuditEntry, mark *checkpoint.Mark, now time.Time) *chart {
	var points []chartPoint
	for _, s := range samples {
		if !rewind.Brought(entries, s.Position, s.At) {
			points = append(points, chartPoint{s.At, s.Position})
		}
	}
	for _, e := range entries {
		if e.New != nil {
			points = append(points, chartPoint{e.At, *e.New})
		}
	}
	if mark != nil && !mark.UpdatedAt.IsZero() && !rewind.Brought(entries, mark.Position, mark.UpdatedAt) {
		points = append(points, chartPoint{mark.UpdatedAt, mark.Position})
	}
	points = slices.DeleteFunc(points, func(p chartPoint) bool { return p.at.After(now) })
	slices.SortStableFunc(points, func(a, b chartPoint) int { return a.at.Compare(b.at) })
	if len(points) < 2 || !points[0].at.Before(now) {
		return nil
	}
	return draw(points, entries, now)
}

func draw(points []chartPoint, entries []checkpoint.AuditEntry, now time.Time) *chart {
	byPosition := func(a, b chartPoint) int { return a.position.Compare(b.position) }
	low, high := slices.MinFunc(points, byPosition).position, slices.MaxFunc(points, byPosition).position
	since := points[0].at
	c := &chart{Low: text.Position(&low), High: text.Position(&high), Since: since, Now: now}
	x := func(t time.Time) string {
		return fmt.Sprintf("%.1f", chartWidth*float64(t.Sub(since))/float64(now.Sub(since)))
	}
	var line strings.Builder
	before := ""
	for _, p := range points {
		y := fmt.Sprintf("%.1f", chartHeight*(1-fraction(p.position, low, high)))
		if before != "" {
			fmt.Fprintf(&line, "%s,%s ", x(p.at), before)
		}
		fmt.Fprintf(&line, "%s,%s ", x(p.at), y)
		before = y
	}
	fmt.Fprintf(&line, "%d,%s", chartWidth, before)
	c.Line = line.String()
	for _, e := range entries {
		if moved(&e) && !e.At.Before(since) && !e.At.After(now) {
			c.Marks = append(c.Marks, chartMark{x(e.At), e.Op + " " + exact(e.At)})
		}
	}
	return c
}

// fraction is where p is between low and high, from 0 to 1: by the first numbers, or if
// these are all equal, by the second ones. Equal positions are in the middle.
func fraction(p, low, high checkpoint.Position) float64 {
	switch {
	case low == high:
		return 0.5
	case low.Commit == high.Commit:
		return float64(p.Prepare-low.Prepare) / float64(high.Prepare-low.Prepare)
	}
	return float64(p.Commit-low.Commit) / float64(high.Commit-low.Commit)
}
