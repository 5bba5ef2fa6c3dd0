package chart

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/checkpointstore/checkpoint/internal/leaktest"
)

func TestMain(m *testing.M) { os.Exit(leaktest.Check(m).Run()) }

func example() Chart {
	return Chart{
		Title: "Rates & more", XLabel: "goroutines", YLabel: "calls a second",
		Series: []Series{
			{Name: "this <store>", Points: []Point{{1, 1000}, {16, 9000}, {1024, 40_000}}},
			{Name: "another", Points: []Point{{1, 900}, {16, 4000}, {1024, 5000}}, Colour: 1, Stroke: Dotted, Measured: 2},
		},
	}
}

func TestSVGIsWellFormedSmallAndTheSameEachTime(t *testing.T) {
	first, err := example().SVG()
	if err != nil {
		t.Fatal(err)
	}
	second, _ := example().SVG()
	if !bytes.Equal(first, second) {
		t.Error("the same data gave two pictures")
	}
	if len(first) > 60_000 {
		t.Errorf("the picture has %d bytes", len(first))
	}
	for d := xml.NewDecoder(bytes.NewReader(first)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	text := string(first)
	for _, want := range []string{
		"Rates &amp; more", "this &lt;store&gt;", ">another<", ">extrapolated<", ">16<", ">1024<", ">10k<",
		`class="o c1"`, `class="e c1"`, "prefers-color-scheme:dark",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the picture lacks %q", want)
		}
	}
	for _, bad := range []string{"NaN", "Inf", `"-`} {
		if strings.Contains(text, bad) {
			t.Errorf("the picture has a %s", bad)
		}
	}
}

func TestSVGRefusesWhatItCannotDraw(t *testing.T) {
	for name, spoil := range map[string]func(*Chart){
		"zero":      func(c *Chart) { c.Series[0].Points[1].Y = 0 },
		"negative":  func(c *Chart) { c.Series[1].Points[0].X = -1 },
		"no number": func(c *Chart) { c.Series[0].Points[0].Y = math.NaN() },
		"infinite":  func(c *Chart) { c.Series[0].Points[0].Y = math.Inf(1) },
		"no points": func(c *Chart) { c.Series[0].Points = nil },
		"one place": func(c *Chart) { c.Series = []Series{{Points: []Point{{1, 1}}}} },
		"no series": func(c *Chart) { c.Series = nil },
		"colour":    func(c *Chart) { c.Series[0].Colour = colours },
	} {
		c := example()
		spoil(&c)
		if svg, err := c.SVG(); err == nil || svg != nil || !strings.Contains(err.Error(), c.Title) {
			t.Errorf("%s: SVG returned %d bytes and the error %v", name, len(svg), err)
		}
	}
}

func TestTicks(t *testing.T) {
	for _, c := range []struct {
		low, high float64
		want      []float64
	}{
		{3, 30, []float64{2, 5, 10, 20, 50}},
		{1, 1, []float64{1, 2}},
		{0.04, 0.9, []float64{0.02, 0.05, 0.1, 0.2, 0.5, 1}},
		{300, 2_000_000, []float64{1000, 10_000, 100_000, 1_000_000}},
	} {
		from, to := around(c.low, c.high)
		if from > c.low || to < c.high {
			t.Errorf("around(%v, %v) is %v, %v", c.low, c.high, from, to)
		}
		got := ticks(from, to)
		near := func(a, b float64) bool { return math.Abs(a/b-1) < 1e-9 }
		if !slices.EqualFunc(got, c.want, near) {
			t.Errorf("the ticks for %v to %v are %v, want %v", c.low, c.high, got, c.want)
		}
	}
}

func TestShort(t *testing.T) {
	for v, want := range map[float64]string{0.05: "0.05", 1: "1", 512: "512", 1024: "1024", 5000: "5000", 20_000: "20k", 10_000_000: "10M", 2e9: "2G", 0.1 + 0.2: "0.3"} {
		if got := short(v); got != want {
			t.Errorf("short(%v) = %q, want %q", v, got, want)
		}
	}
}
