package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/integration/bench/chart"
)

// A cost is what a store of some keys takes.
type cost struct {
	keys                  int
	write, getAll, delete float64 // ns for each key
	bytes                 float64 // for each key
}

const beyond = 10 // times the largest store: what is extrapolated to

// storeSizes are four, each ten times the one before.
func storeSizes(largest int) []int {
	return []int{largest / 1000, largest / 100, largest / 10, largest}
}

// A sized store is opened empty, and knows what it takes.
type sized struct {
	open func(ctx context.Context) (*checkpoint.Store, error)
	// bytes is what all checkpoints take; the store was closed.
	bytes func(ctx context.Context) (int64, error)
	// reopen opens what was filled.
	reopen func(ctx context.Context) (*checkpoint.Store, error)
}

func measureCosts(ctx context.Context, r *report, s sized) ([]cost, error) {
	var costs []cost
	for _, n := range storeSizes(r.set.keys) {
		rounds := r.set.rounds
		if n == r.set.keys {
			rounds = 1 // it takes long enough to even out what else goes on
		}
		c, err := s.measure(ctx, n, rounds)
		if err != nil {
			return nil, fmt.Errorf("a store of %d: %w", n, err)
		}
		costs = append(costs, c)
	}
	return costs, nil
}

func (s sized) measure(ctx context.Context, n, rounds int) (c cost, err error) {
	c = cost{keys: n, write: math.Inf(1), getAll: math.Inf(1), delete: math.Inf(1)}
	store, err := s.open(ctx)
	if err != nil {
		return c, err
	}
	err = errors.Join(fill(ctx, store, n, 1), store.Close())
	if err != nil {
		return c, err
	}
	total, err := s.bytes(ctx)
	if err != nil {
		return c, err
	}
	c.bytes = float64(total) / float64(n)
	if store, err = s.reopen(ctx); err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	for round := range rounds {
		writes := min(n, 100_000)
		if round > 0 {
			if err := fill(ctx, store, n, uint64(3*round)); err != nil {
				return c, err
			}
		}
		for _, step := range []struct {
			of   *float64
			keys int
			do   func() error
		}{
			{&c.write, writes, func() error { return scatter(ctx, store, n, writes, uint64(3*round+2)) }},
			{&c.getAll, n, func() error { return countAll(ctx, store, n) }},
			{&c.getAll, n, func() error { return countAll(ctx, store, n) }},
			{&c.delete, n, func() error { return clearAll(ctx, store, n) }},
		} {
			start := time.Now()
			if err := step.do(); err != nil {
				return c, err
			}
			*step.of = min(*step.of, float64(time.Since(start))/float64(step.keys))
		}
	}
	return c, nil
}

// extrapolate goes on, for ten times as many keys, on the straight line
// through the last two points where both axes are logarithmic.
func extrapolate(costs []cost) (cost, error) {
	if len(costs) < 2 {
		return cost{}, errors.New("two points at least make a line")
	}
	a, b := costs[len(costs)-2], costs[len(costs)-1]
	if b.keys <= a.keys {
		return cost{}, fmt.Errorf("%d keys do not follow %d", b.keys, a.keys)
	}
	further := math.Log(beyond) / math.Log(float64(b.keys)/float64(a.keys))
	on := func(a, b float64) float64 { return b * math.Pow(b/a, further) }
	c := cost{
		keys: b.keys * beyond, write: on(a.write, b.write), getAll: on(a.getAll, b.getAll),
		delete: on(a.delete, b.delete), bytes: on(a.bytes, b.bytes),
	}
	for _, v := range []float64{c.write, c.getAll, c.delete, c.bytes} {
		if math.IsNaN(v) || math.IsInf(v, 0) || v <= 0 {
			return c, fmt.Errorf("%+v and %+v do not go on", a, b)
		}
	}
	return c, nil
}

// showCosts makes the table and the chart of costs.
func (r *report) showCosts(name, title, bytes string, costs []cost) error {
	far, err := extrapolate(costs)
	if err != nil {
		return err
	}
	rows := [][]string{{"checkpoints", "a write in a batch, ns", "GetAll, ns each", "Clear, ns each", bytes}}
	lines := []chart.Series{
		{Name: "a write in a batch", Measured: len(costs)},
		{Name: "GetAll", Colour: 1, Measured: len(costs)},
		{Name: "Clear", Colour: 2, Measured: len(costs)},
	}
	for i, c := range append(slices.Clip(costs), far) {
		cells := []string{rounded(float64(c.keys)), rounded(c.write), rounded(c.getAll), rounded(c.delete), rounded(c.bytes)}
		if i == len(costs) {
			for j := range cells {
				cells[j] = "*" + cells[j] + "*"
			}
			cells[0] += " (extrapolated)"
		}
		rows = append(rows, cells)
		for j, v := range []float64{c.write, c.getAll, c.delete} {
			lines[j].Points = append(lines[j].Points, chart.Point{X: float64(c.keys), Y: v})
		}
	}
	r.table(name, rows)
	r.chart(name, chart.Chart{Title: title, XLabel: "checkpoints in the store", YLabel: "nanoseconds a checkpoint", Series: lines})
	return nil
}
