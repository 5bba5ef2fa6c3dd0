package main

import (
	"encoding/csv"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// A measurement is one line of a benchmark's output.
type measurement struct {
	name      string // as in the source, with the sub-benchmark's
	perSecond float64
	allocs    float64 // per operation; below zero where the benchmark does not tell
}

var processors = regexp.MustCompile(`-\d+$`)

// parse reads what a test binary prints of its benchmarks. Each of their lines
// must be whole. Without a metric ops/s it goes by the time of one operation.
func parse(output string) ([]measurement, error) {
	var found []measurement
	for line := range strings.Lines(output) {
		fields := strings.Fields(line)
		if len(fields) == 0 || !strings.HasPrefix(fields[0], "Benchmark") {
			continue
		}
		m, err := parseLine(fields)
		if err != nil {
			return nil, fmt.Errorf("the benchmark's line %q: %w", strings.TrimSpace(line), err)
		}
		found = append(found, m)
	}
	return found, nil
}

func parseLine(fields []string) (measurement, error) {
	m := measurement{name: processors.ReplaceAllString(fields[0], ""), allocs: -1}
	if len(fields) < 4 || len(fields)%2 != 0 {
		return m, fmt.Errorf("%d words are no name, count and pairs of value and unit", len(fields))
	}
	if n, err := strconv.Atoi(fields[1]); err != nil || n < 1 {
		return m, fmt.Errorf("%q is no count of operations", fields[1])
	}
	perOp := 0.0
	for i := 2; i < len(fields); i += 2 {
		value, err := strconv.ParseFloat(fields[i], 64)
		if err != nil {
			return m, err
		}
		if value < 0 || math.IsNaN(value) || math.IsInf(value, 0) {
			return m, fmt.Errorf("%v %s cannot be", value, fields[i+1])
		}
		switch fields[i+1] {
		case "ops/s":
			m.perSecond = value
		case "ns/op":
			perOp = value
		case "allocs/op":
			m.allocs = value
		}
	}
	if m.perSecond == 0 && perOp > 0 {
		m.perSecond = 1e9 / perOp
	}
	if m.perSecond == 0 {
		return m, fmt.Errorf("it has no rate")
	}
	return m, nil
}

// parseRedisBenchmark reads the requests per second that redis-benchmark
// prints with --csv for one command.
func parseRedisBenchmark(output string) (float64, error) {
	for line := range strings.Lines(output) {
		// A complaint stands on a line of its own and is no CSV.
		fields, err := csv.NewReader(strings.NewReader(line)).Read()
		if err != nil || len(fields) < 2 {
			continue
		}
		if rate, err := strconv.ParseFloat(fields[1], 64); err == nil && rate > 0 && !math.IsInf(rate, 1) {
			return rate, nil
		}
	}
	return 0, fmt.Errorf("redis-benchmark printed no rate: %q", output)
}
