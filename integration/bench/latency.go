package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/integration/bench/chart"
)

// A contender opens a driver over an empty store.
type contender struct {
	name string
	open func(ctx context.Context) (driver.Driver, error)
}

// measureLatency times single calls of SetIfNewer one by one, which costs too
// much to be done where throughput is measured.
func measureLatency(ctx context.Context, r *report, name, title string, contenders ...contender) error {
	head := []string{"goroutines"}
	drawn := chart.Chart{Title: title, XLabel: "goroutines that call at the same time", YLabel: "milliseconds a call"}
	for i, c := range contenders {
		for j, p := range percentiles {
			head = append(head, c.name+", "+p.name)
			drawn.Series = append(drawn.Series, chart.Series{Name: c.name + ", " + p.name, Colour: i, Stroke: chart.Stroke(j)})
		}
	}
	rows := [][]string{head}
	levels := []int{1, 16, 64, 256, 512, 1024}
	if r.set.short {
		levels = levels[:2]
	}
	for _, goroutines := range levels {
		row := []string{fmt.Sprint(goroutines)}
		for i, c := range contenders {
			times, err := timeCalls(ctx, c, goroutines, 4*r.set.each)
			if err != nil {
				return fmt.Errorf("%s with %d goroutines: %w", c.name, goroutines, err)
			}
			cells, found := percentileCells(times)
			row = append(row, cells...)
			for j, d := range found {
				if line := &drawn.Series[i*len(percentiles)+j]; d > 0 {
					line.Points = append(line.Points, chart.Point{X: float64(goroutines), Y: float64(d) / 1e6})
				}
			}
		}
		rows = append(rows, row)
	}
	var lines []chart.Series
	for _, s := range drawn.Series {
		if len(s.Points) > 0 {
			lines = append(lines, s)
		}
	}
	drawn.Series = lines
	r.table(name, rows)
	r.chart(name, drawn)
	return nil
}

// timeCalls lets goroutines call at the same time for as long as it should
// take, each with a key of its own, and returns how long each call took. The
// first of each, which may connect, does not count.
func timeCalls(ctx context.Context, c contender, goroutines int, each time.Duration) (all []time.Duration, err error) {
	d, err := c.open(ctx)
	if err != nil {
		return nil, err
	}
	store := checkpoint.New(d, nil)
	defer func() { err = errors.Join(err, store.Close()) }()
	times := make([][]time.Duration, goroutines)
	errs := make([]error, goroutines)
	var connected, done sync.WaitGroup
	connected.Add(goroutines)
	for n := range goroutines {
		done.Go(func() {
			key := fmt.Sprintf("consumer/%d", n)
			call := func(i uint64) bool {
				_, errs[n] = store.SetIfNewer(ctx, key, checkpoint.Position{Commit: i, Prepare: i})
				return errs[n] == nil
			}
			ok := call(1)
			connected.Done()
			connected.Wait()
			for start, i := time.Now(), uint64(2); ok && time.Since(start) < each; i++ {
				before := time.Now()
				ok = call(i)
				times[n] = append(times[n], time.Since(before))
			}
		})
	}
	done.Wait()
	for _, t := range times {
		all = append(all, t...)
	}
	return all, errors.Join(errs...)
}
