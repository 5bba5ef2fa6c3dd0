package main

import (
	"encoding/csv"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// A measurement is one line of a benchmark's output.
type measurement struct {
	name      string // as in the source, with the sub-benchmark's
	perSecond float64
}

var processors = regexp.MustCompile(`-\d+$`)

// parse reads what a test binary prints of its benchmarks. Without a metric
// ops/s it goes by the time of one operation.
func parse(output string) ([]measurement, error) {
	var found []measurement
	for line := range strings.Lines(output) {
		fields := strings.Fields(line)
		if len(fields) < 4 || !strings.HasPrefix(fields[0], "Benchmark") {
			continue
		}
		m := measurement{name: processors.ReplaceAllString(fields[0], "")}
		for i := 2; i+1 < len(fields); i += 2 {
			value, err := strconv.ParseFloat(fields[i], 64)
			if err != nil {
				return nil, fmt.Errorf("the benchmark's line %q: %w", strings.TrimSpace(line), err)
			}
			switch fields[i+1] {
			case "ops/s":
				m.perSecond = value
			case "ns/op":
				if m.perSecond == 0 && value > 0 {
					m.perSecond = 1e9 / value
				}
			}
		}
		if m.perSecond == 0 {
			return nil, fmt.Errorf("the benchmark's line %q has no ops/s", strings.TrimSpace(line))
		}
		found = append(found, m)
	}
	return found, nil
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
		if rate, err := strconv.ParseFloat(fields[1], 64); err == nil && rate > 0 {
			return rate, nil
		}
	}
	return 0, fmt.Errorf("redis-benchmark printed no rate: %q", output)
}
