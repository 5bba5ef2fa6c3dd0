package chart

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// An axis maps the values from and to onto the places start and end.
type axis struct{ from, to, start, end float64 }

func (a axis) at(v float64) float64 {
	return a.start + (a.end-a.start)*math.Log(v/a.from)/math.Log(a.to/a.from)
}

func sorted(values []float64) []float64 {
	slices.Sort(values)
	return slices.Compact(values)
}

// steps are where an axis may begin, end, and have lines, in each decade.
var steps = []float64{1, 2, 5}

// around is the next step at or below low, and at or above high.
func around(low, high float64) (from, to float64) {
	for exponent := math.Floor(math.Log10(low)) - 1; ; exponent++ {
		for _, step := range steps {
			v := step * math.Pow(10, exponent)
			if v <= low*(1+1e-9) {
				from = v
			}
			if v >= high*(1-1e-9) && v > from {
				return from, v
			}
		}
	}
}

// ticks are the steps between from and to, or powers of ten where those would
// stand too close.
func ticks(from, to float64) []float64 {
	among := steps
	if math.Log10(to/from) > 3.2 {
		among = steps[:1]
	}
	var found []float64
	for exponent := math.Floor(math.Log10(from)) - 1; math.Pow(10, exponent) <= to*(1+1e-9); exponent++ {
		for _, step := range among {
			v := step * math.Pow(10, exponent)
			if v >= from*(1-1e-9) && v <= to*(1+1e-9) {
				found = append(found, v)
			}
		}
	}
	return found
}

func (s Series) draw(b *strings.Builder, x, y axis) {
	measured := len(s.Points)
	if s.Measured > 0 {
		measured = s.Measured
	}
	s.path(b, s.Points[:measured], x, y, s.class())
	if measured < len(s.Points) {
		s.path(b, s.Points[measured-1:], x, y, fmt.Sprintf("e c%d", s.Colour))
	}
	for i, p := range s.Points {
		if i < measured {
			fmt.Fprintf(b, `<circle class="b c%d" cx="%.1f" cy="%.1f" r="3"/>`, s.Colour, x.at(p.X), y.at(p.Y))
		} else {
			fmt.Fprintf(b, `<circle class="k c%d" cx="%.1f" cy="%.1f" r="4"/>`, s.Colour, x.at(p.X), y.at(p.Y))
		}
	}
	b.WriteString("\n")
}

func (s Series) path(b *strings.Builder, points []Point, x, y axis, class string) {
	fmt.Fprintf(b, `<path class="%s" d="`, class)
	for i, p := range points {
		command := "L"
		if i == 0 {
			command = "M"
		}
		fmt.Fprintf(b, "%s%.1f %.1f", command, x.at(p.X), y.at(p.Y))
	}
	b.WriteString(`"/>`)
}

func (s Series) class() string {
	return fmt.Sprintf("%sc%d", [...]string{"", "d ", "o "}[s.Stroke], s.Colour)
}

func (s Series) legend(b *strings.Builder, at int) {
	fmt.Fprintf(b, `<line class="k %s" x1="%d" y1="%d" x2="%d" y2="%[3]d"/>`, s.class(), width-right+16, at-4, width-right+44)
	fmt.Fprintf(b, `<text x="%d" y="%d">%s</text>`+"\n", width-right+52, at, escape(s.Name))
}

// short writes a number in as few letters as an axis has room for.
func short(v float64) string {
	if v < 10_000*(1-1e-9) {
		return fmt.Sprintf("%.4g", v)
	}
	for _, unit := range []struct {
		size float64
		name string
	}{{1e9, "G"}, {1e6, "M"}, {1e3, "k"}} {
		if v >= unit.size*(1-1e-9) {
			return fmt.Sprintf("%.4g", v/unit.size) + unit.name
		}
	}
	return fmt.Sprintf("%.4g", v)
}

func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;").Replace(s)
}
