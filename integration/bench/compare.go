package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/checkpointstore/checkpoint/integration/bench/chart"
)

// A rival is what people use in place of an engine, by its name in package
// integration/rivals.
type rival struct{ name, title string }

// rates are operations a second, by the name of a benchmark.
type rates map[string]float64

// raise keeps the higher of what is there and what was measured.
func (r rates) raise(name string, rate float64) { r[name] = max(r[name], rate) }

// A contest is what is compared: an engine, its rivals, and its limit, each the
// best of some rounds in which they take turns.
type contest struct {
	folder string
	rivals []rival
	// limit measures the limit of a benchmark, 0 if it has none.
	limit func(ctx context.Context, name string) (float64, error)

	names  []string // of the store's benchmarks, without storePrefix
	ours   rates
	theirs map[string]rates // by rival
	limits rates
	extra  rates   // other benchmarks of the engine's package
	allocs float64 // of one SetIfNewer by one goroutine
}

const (
	storePrefix = "BenchmarkStore/"
	single      = "SetIfNewer/goroutines="
)

func (c *contest) run(ctx context.Context, h *host, set settings) error {
	c.ours, c.limits, c.extra, c.theirs = make(rates), make(rates), make(rates), make(map[string]rates)
	own, err := buildBenchmarks(ctx, h, c.folder)
	if err != nil {
		return err
	}
	others, pattern := (*benchmarks)(nil), ""
	if len(c.rivals) > 0 {
		var names []string
		for _, r := range c.rivals {
			names = append(names, r.name)
			c.theirs[r.name] = make(rates)
		}
		pattern = "^BenchmarkStore$/^(" + strings.Join(names, "|") + ")$"
		if others, err = buildBenchmarks(ctx, h, "integration/rivals"); err != nil {
			return err
		}
	}
	for range set.rounds {
		if err := c.round(ctx, own, others, pattern, set); err != nil {
			return err
		}
	}
	return c.complete()
}

func (c *contest) round(ctx context.Context, own, others *benchmarks, pattern string, set settings) error {
	found, err := own.run(ctx, "^Benchmark(Store|AppendFsync)$", set)
	if err != nil {
		return err
	}
	for _, m := range found {
		name, ok := strings.CutPrefix(m.name, storePrefix)
		if !ok {
			c.extra.raise(m.name, m.perSecond)
			continue
		}
		if !slices.Contains(c.names, name) {
			c.names = append(c.names, name)
		}
		c.ours.raise(name, m.perSecond)
		if name == single+"1" {
			c.allocs = m.allocs
		}
	}
	if others != nil {
		if found, err = others.run(ctx, pattern, set); err != nil {
			return err
		}
		for _, m := range found {
			of, name, _ := strings.Cut(strings.TrimPrefix(m.name, storePrefix), "/")
			if _, ok := c.theirs[of]; !ok {
				return fmt.Errorf("the benchmark %s is of no rival", m.name)
			}
			c.theirs[of].raise(name, m.perSecond)
		}
	}
	if c.limit == nil {
		return nil
	}
	for _, name := range c.names {
		limit, err := c.limit(ctx, name)
		if err != nil {
			return err
		}
		c.limits.raise(name, limit)
	}
	return nil
}

// complete says what a rival was not measured with.
func (c *contest) complete() error {
	if len(c.names) == 0 {
		return fmt.Errorf("the tests of %s have no benchmark named BenchmarkStore", c.folder)
	}
	for _, r := range c.rivals {
		for _, name := range c.names {
			if c.theirs[r.name][name] == 0 {
				return fmt.Errorf("there is no benchmark of %s for %s", r.name, name)
			}
		}
	}
	return nil
}

// throughput is the chart of single writes over concurrency.
func (c *contest) throughput(title, limit string) chart.Chart {
	drawn := chart.Chart{Title: title, XLabel: "goroutines that call at the same time", YLabel: "calls a second"}
	add := func(name string, of rates, colour int, stroke chart.Stroke) {
		if line := overConcurrency(of); len(line) > 0 {
			drawn.Series = append(drawn.Series, chart.Series{Name: name, Points: line, Colour: colour, Stroke: stroke})
		}
	}
	add(limit, c.limits, 4, chart.Dashed)
	add("this store", c.ours, 0, chart.Solid)
	for i, r := range c.rivals {
		add(r.title, c.theirs[r.name], i+1, chart.Solid)
	}
	return drawn
}

// overConcurrency are the rates of single writes, by how many goroutines.
func overConcurrency(of rates) []chart.Point {
	var points []chart.Point
	for _, name := range slices.Sorted(maps.Keys(of)) {
		digits, ok := strings.CutPrefix(name, single)
		n, err := strconv.Atoi(digits)
		if ok && err == nil && of[name] > 0 {
			points = append(points, chart.Point{X: float64(n), Y: of[name]})
		}
	}
	slices.SortFunc(points, func(a, b chart.Point) int { return int(a.X - b.X) })
	return points
}
