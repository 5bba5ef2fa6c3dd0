package main

import (
	"context"
	"fmt"
	"io"
	"strings"
)

// A rival is what people use in place of an engine, by its name in package
// integration/rivals.
type rival struct{ name, title string }

// writeRivals runs the store's benchmarks on rivals and writes them beside what
// was found for the store.
func writeRivals(ctx context.Context, h *host, set settings, found []measurement, rivals []rival, out io.Writer) error {
	var names []string
	for _, r := range rivals {
		names = append(names, r.name)
	}
	theirs, err := runBenchmarks(ctx, h, "integration/rivals", "^BenchmarkStore$/^("+strings.Join(names, "|")+")$", set.each)
	if err != nil {
		return err
	}
	rates := make(map[string]float64)
	for _, m := range theirs {
		rates[m.name] = m.perSecond
	}
	fmt.Fprintf(out, "\nBeside what people use, on the same machine in the same run (ops/s, and the store over it):\n\n")
	head := []string{"call", "this store"}
	for _, r := range rivals {
		head = append(head, r.title, "ratio")
	}
	table := [][]string{head}
	for _, m := range found {
		name, ok := strings.CutPrefix(m.name, storePrefix)
		if !ok {
			continue
		}
		cells := []string{readable(name), rounded(m.perSecond)}
		for _, r := range rivals {
			rate := rates[storePrefix+r.name+"/"+name]
			if rate == 0 {
				return fmt.Errorf("there is no benchmark of %s for %s", r.name, name)
			}
			cells = append(cells, rounded(rate), fmt.Sprintf("%.2f", m.perSecond/rate))
		}
		table = append(table, cells)
	}
	writeTable(out, table)
	return nil
}
