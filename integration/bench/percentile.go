package main

import (
	"errors"
	"math"
	"slices"
	"time"
)

// percentile is the time within which the share p of calls was done. sorted is
// in ascending order. It is an error where there were so few calls that the
// slowest of them decides.
func percentile(sorted []time.Duration, p float64) (time.Duration, error) {
	if p <= 0 || p >= 1 {
		return 0, errors.New("a percentile lies between 0 and 1")
	}
	if float64(len(sorted)) < 1/(1-p)-1e-6 {
		return 0, errTooFew
	}
	rank := int(math.Ceil(p*float64(len(sorted)) - 1e-9))
	return sorted[rank-1], nil
}

var errTooFew = errors.New("there were too few calls for this percentile")

var percentiles = []struct {
	name  string
	share float64
}{{"p50", 0.5}, {"p99", 0.99}, {"p99.9", 0.999}}

// percentileCells are those of percentiles as a table shows them.
func percentileCells(times []time.Duration) ([]string, []time.Duration) {
	slices.Sort(times)
	var cells []string
	var found []time.Duration
	for _, p := range percentiles {
		d, err := percentile(times, p.share)
		if err != nil {
			cells, found = append(cells, "–"), append(found, 0)
			continue
		}
		cells, found = append(cells, duration(d)), append(found, d)
	}
	return cells, found
}
