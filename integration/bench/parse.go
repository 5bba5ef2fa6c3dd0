package main

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A report is what a run printed.
type report struct {
	facts   [][]string // the machine's, by name
	results []*result  // in the order in which they came first
}

// A result is what one benchmark measured.
type result struct {
	name   string               // "Call" of BenchmarkCall
	labels []string             // "engine=redis", "call=Get", "goroutines=16"; "of" is not among them
	of     string               // the contestant, or ""
	values map[string][]float64 // of each round, by unit
}

var (
	processors = regexp.MustCompile(`-\d+$`)
	fact       = regexp.MustCompile(`^([a-z][a-z-]*): (.*)$`)
	// What Go prints by itself differs from package to package.
	notFacts = map[string]bool{"goos": true, "goarch": true, "pkg": true, "cpu": true}
)

// parse reads the whole text. A line of a benchmark that it does not understand
// is an error, and so is one that failed.
func parse(text string) (*report, error) {
	r := new(report)
	known := make(map[string]*result)
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "FAIL") || strings.HasPrefix(line, "--- FAIL") {
			return nil, fmt.Errorf("a benchmark failed: %s", line)
		}
		if match := fact.FindStringSubmatch(line); match != nil && !notFacts[match[1]] {
			r.facts = append(r.facts, []string{strings.ReplaceAll(match[1], "-", " "), match[2]})
		}
		fields := strings.Fields(line)
		if len(fields) == 0 || !strings.HasPrefix(fields[0], "Benchmark") {
			continue
		}
		values, err := parseValues(fields[1:])
		if err != nil {
			return nil, fmt.Errorf("the line %q: %w", line, err)
		}
		name := processors.ReplaceAllString(fields[0], "")
		if known[name] == nil {
			known[name] = newResult(name)
			r.results = append(r.results, known[name])
		}
		for unit, v := range values {
			known[name].values[unit] = append(known[name].values[unit], v)
		}
	}
	return r, nil
}

func parseValues(fields []string) (map[string]float64, error) {
	if len(fields) < 3 || len(fields)%2 != 1 {
		return nil, fmt.Errorf("%d words behind the name are no count and pairs of value and unit", len(fields))
	}
	if n, err := strconv.Atoi(fields[0]); err != nil || n < 1 {
		return nil, fmt.Errorf("%q is no count of operations", fields[0])
	}
	values := make(map[string]float64)
	for i := 1; i < len(fields); i += 2 {
		v, err := strconv.ParseFloat(fields[i], 64)
		if err != nil || v < 0 || math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("%s %s cannot be", fields[i], fields[i+1])
		}
		values[fields[i+1]] = v
	}
	return values, nil
}

func newResult(name string) *result {
	parts := strings.Split(strings.TrimPrefix(name, "Benchmark"), "/")
	r := &result{name: parts[0], values: make(map[string][]float64)}
	for _, label := range parts[1:] {
		if of, ok := strings.CutPrefix(label, "of="); ok {
			r.of = of
		} else {
			r.labels = append(r.labels, label)
		}
	}
	return r
}

// best is the best of all rounds: the highest rate, the lowest of all else.
func (r *result) best(unit string) (v float64, ok bool) {
	if r == nil || len(r.values[unit]) == 0 {
		return 0, false
	}
	if strings.HasSuffix(unit, "/s") {
		return slices.Max(r.values[unit]), true
	}
	return slices.Min(r.values[unit]), true
}

// median is that of all rounds. Of an even number it is the higher of the two in the middle.
func median(figures []float64) float64 {
	sorted := slices.Sorted(slices.Values(figures))
	return sorted[len(sorted)/2]
}
