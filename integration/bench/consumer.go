package main

import (
	"context"
	"strings"
)

// measureConsumer runs the benchmarks of what has no engine: the tracker, and
// the subscription over memstore.
func measureConsumer(ctx context.Context, h *host, r *report) error {
	rows := [][]string{{"what", "events a second", "ns an event", "allocations"}}
	for _, p := range []struct{ folder, pattern string }{
		{"tracker", "^BenchmarkTrackAck$"},
		{"subscription", "^Benchmark(TrackDone|Run)$"},
	} {
		b, err := buildBenchmarks(ctx, h, p.folder)
		if err != nil {
			return err
		}
		best := make(map[string]measurement)
		var names []string
		for range r.set.rounds {
			found, err := b.run(ctx, p.pattern, r.set)
			if err != nil {
				return err
			}
			for _, m := range found {
				old, ok := best[m.name]
				if !ok {
					names = append(names, m.name)
				}
				if m.perSecond > old.perSecond {
					best[m.name] = m
				}
			}
		}
		for _, name := range names {
			m := best[name]
			rows = append(rows, []string{eventWords(p.folder, name), rounded(m.perSecond), rounded(1e9 / m.perSecond), rounded(m.allocs)})
		}
	}
	r.table("consumer", rows)
	return nil
}

// eventWords makes words of a benchmark's name: "BenchmarkRun/keys=1/workers=2".
func eventWords(folder, name string) string {
	calls := map[string]string{"TrackAck": "Track and Ack", "TrackDone": "Track and Done", "Run": "Run"}
	values := map[string]string{"window": " in flight", "keys": " ordering keys", "workers": " workers"}
	fields := strings.Split(strings.TrimPrefix(name, "Benchmark"), "/")
	words := []string{folder, calls[fields[0]]}
	for _, f := range fields[1:] {
		what, n, ok := strings.Cut(f, "=")
		switch {
		case !ok && f == "random":
			words = append(words, "in random order")
		case !ok && f == "oldest":
			words = append(words, "the oldest never")
		case !ok:
			words = append(words, f)
		case n == "1":
			words = append(words, "1"+strings.TrimSuffix(values[what], "s"))
		default:
			words = append(words, n+values[what])
		}
	}
	return strings.Join(words, ", ")
}
