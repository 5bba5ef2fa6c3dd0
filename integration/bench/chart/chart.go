// Package chart draws lines between points as SVG, on axes that are both
// logarithmic. The same data gives the same bytes. A picture has a ground of its
// own, and follows the reader's choice of light or dark.
package chart

import (
	"errors"
	"fmt"
	"math"
	"strings"
)

// A Chart is one picture.
type Chart struct {
	Title, XLabel, YLabel string
	Series                []Series
}

// A Series is one line. Its points stand in the order of X.
type Series struct {
	Name   string
	Points []Point
	Colour int    // one of a few; the same for lines that belong together
	Stroke Stroke // tells lines of one colour apart
	// Measured is how many of the points were measured. The rest are drawn as
	// what they are, extrapolated. Zero: all were.
	Measured int
}

// A Point is a value at a place. Both are above zero.
type Point struct{ X, Y float64 }

// A Stroke is how a line is drawn.
type Stroke int

// The strokes there are.
const (
	Solid Stroke = iota
	Dashed
	Dotted
)

const (
	width, height = 760, 400
	left, right   = 78, 200 // the legend is at the right
	top, bottom   = 44, 56
	lineHeight    = 22
	colours       = 5
)

const style = `<style>
text{stroke:none;font:13px system-ui,sans-serif;fill:#24292f}.t{font-size:15px;font-weight:600}
.b{fill:#fff}.g{stroke:#d0d7de;stroke-width:1}.a{stroke:#57606a;stroke-width:1}
path,.k{fill:none;stroke-width:2}.d{stroke-dasharray:8 4}.o{stroke-dasharray:2 4}.e{stroke-dasharray:4 6;opacity:.75}
.c0{stroke:#0969da}.c1{stroke:#bc4c00}.c2{stroke:#1a7f37}.c3{stroke:#8250df}.c4{stroke:#6e7781}
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.b{fill:#0d1117}.g{stroke:#30363d}.a{stroke:#8b949e}
.c0{stroke:#58a6ff}.c1{stroke:#f0883e}.c2{stroke:#3fb950}.c3{stroke:#bc8cff}.c4{stroke:#8b949e}}
</style>
`

// SVG draws the chart.
func (c Chart) SVG() ([]byte, error) {
	xs, ys, err := c.values()
	if err != nil {
		return nil, fmt.Errorf("the chart %q: %w", c.Title, err)
	}
	x := axis{from: xs[0], to: xs[len(xs)-1], start: left, end: width - right}
	y := axis{start: height - bottom, end: top}
	y.from, y.to = around(ys[0], ys[len(ys)-1])

	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%[1]d" height="%[2]d" role="img">`+"\n", width, height)
	fmt.Fprintf(&b, "<title>%s</title>\n%s", escape(c.Title), style)
	fmt.Fprintf(&b, `<rect class="b" width="%d" height="%d" rx="6"/>`+"\n", width, height)
	fmt.Fprintf(&b, `<text class="t" x="%d" y="26">%s</text>`+"\n", left, escape(c.Title))
	for _, v := range ticks(y.from, y.to) {
		at := y.at(v)
		fmt.Fprintf(&b, `<line class="g" x1="%d" y1="%.1f" x2="%d" y2="%.1[2]f"/>`, left, at, width-right)
		fmt.Fprintf(&b, `<text x="%d" y="%.1f" text-anchor="end">%s</text>`+"\n", left-8, at+4, short(v))
	}
	for _, v := range xs {
		at := x.at(v)
		fmt.Fprintf(&b, `<line class="a" x1="%.1f" y1="%d" x2="%.1[1]f" y2="%d"/>`, at, height-bottom, height-bottom+5)
		fmt.Fprintf(&b, `<text x="%.1f" y="%d" text-anchor="middle">%s</text>`+"\n", at, height-bottom+20, short(v))
	}
	fmt.Fprintf(&b, `<line class="a" x1="%d" y1="%d" x2="%d" y2="%[2]d"/>`+"\n", left, height-bottom, width-right)
	middle := (top + height - bottom) / 2
	fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="middle">%s</text>`, (left+width-right)/2, height-12, escape(c.XLabel))
	fmt.Fprintf(&b, `<text transform="translate(18 %d) rotate(-90)" text-anchor="middle">%s</text>`+"\n", middle, escape(c.YLabel))
	for i, s := range c.Series {
		s.draw(&b, x, y)
		s.legend(&b, top+12+i*lineHeight)
	}
	if c.extrapolates() {
		at := top + 12 + len(c.Series)*lineHeight
		fmt.Fprintf(&b, `<line class="k e c4" x1="%d" y1="%d" x2="%d" y2="%[2]d"/>`, width-right+16, at-4, width-right+44)
		fmt.Fprintf(&b, `<text x="%d" y="%d">extrapolated</text>`+"\n", width-right+52, at)
	}
	b.WriteString("</svg>\n")
	return []byte(b.String()), nil
}

var errValue = errors.New("a logarithmic axis has no place for a value that is not above zero")

func (c Chart) values() (xs, ys []float64, err error) {
	for _, s := range c.Series {
		if len(s.Points) == 0 {
			return nil, nil, fmt.Errorf("%s has no points", s.Name)
		}
		if s.Colour < 0 || s.Colour >= colours {
			return nil, nil, fmt.Errorf("%s has the colour %d of %d", s.Name, s.Colour, colours)
		}
		for _, p := range s.Points {
			if !positive(p.X) || !positive(p.Y) {
				return nil, nil, fmt.Errorf("%s at %v: %w", s.Name, p, errValue)
			}
			xs, ys = append(xs, p.X), append(ys, p.Y)
		}
	}
	xs, ys = sorted(xs), sorted(ys)
	if len(xs) < 2 {
		return nil, nil, errors.New("there are fewer than two places to draw a line between")
	}
	return xs, ys, nil
}

func positive(v float64) bool { return v > 0 && !math.IsInf(v, 1) }

func (c Chart) extrapolates() bool {
	for _, s := range c.Series {
		if s.Measured > 0 && s.Measured < len(s.Points) {
			return true
		}
	}
	return false
}
