package main

import (
	"fmt"
	"io"
	"strings"
)

// A row is a measurement beside its limit, which is 0 where it has none.
type row struct {
	name      string
	perSecond float64
	limit     float64
}

const storePrefix = "BenchmarkStore/"

func isWrite(name string) bool {
	return strings.HasPrefix(name, storePrefix+"SetIfNewer/") || strings.HasPrefix(name, storePrefix+"Apply/")
}

func storeRows(found []measurement, limits map[string]float64) []row {
	var rows []row
	for _, m := range found {
		if name, ok := strings.CutPrefix(m.name, storePrefix); ok {
			rows = append(rows, row{readable(name), m.perSecond, limits[m.name]})
		}
	}
	return rows
}

// readable makes words of a benchmark's name: "SetIfNewer/goroutines=16".
func readable(name string) string {
	method, param, ok := strings.Cut(name, "/")
	what, n, isPair := strings.Cut(param, "=")
	switch {
	case ok && isPair && what == "goroutines" && n == "1":
		return method + ", 1 goroutine"
	case ok && isPair && what == "goroutines":
		return method + ", " + n + " goroutines"
	case ok && isPair && what == "batch":
		return method + ", batches of " + n
	}
	return name
}

func writeStoreTable(out io.Writer, rows []row) {
	table := [][]string{{"call", "ops/s", "limit", "ratio"}}
	for _, r := range rows {
		limit, ratio := "–", "–"
		if r.limit > 0 {
			limit, ratio = rounded(r.limit), fmt.Sprintf("%.2f", r.perSecond/r.limit)
		}
		table = append(table, []string{r.name, rounded(r.perSecond), limit, ratio})
	}
	writeTable(out, table)
}

// writeTable writes Markdown: the first row is the head, and all columns but
// the first are numbers.
func writeTable(out io.Writer, rows [][]string) {
	for i, cells := range rows {
		fmt.Fprintf(out, "| %s |\n", strings.Join(cells, " | "))
		if i == 0 {
			fmt.Fprintf(out, "| ---%s |\n", strings.Repeat(" | ---:", len(cells)-1))
		}
	}
}

// rounded shows three significant digits, which is more than a machine with
// other work repeats, with commas between thousands.
func rounded(v float64) string {
	unit := 1.0
	for v/unit >= 1000 {
		unit *= 10
	}
	if v < 100 {
		return fmt.Sprintf("%.3g", v)
	}
	digits := fmt.Sprintf("%.0f", float64(int64(v/unit+0.5))*unit)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
