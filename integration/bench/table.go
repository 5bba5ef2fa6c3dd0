package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// A table shows the results of one benchmark: a row for each set of labels.
type table struct {
	name  string
	of    []string       // the benchmarks
	where string         // a label that all rows have, and do not show
	rows  *regexp.Regexp // of the labels; nil: all
	head  string         // of the first column
	// byContestant makes each contestant a row. Otherwise columns name one each.
	byContestant bool
	columns      []column
}

// A column shows a value.
type column struct {
	head string
	of   string // the contestant, where contestants are columns
	unit string
	over string // the contestant to show the ratio to, which is above 1 if of is the better
}

var contestants = map[string]string{
	"store": "this store", "goredis": "plain go-redis", "rueidis": "rueidis", "sql": "plain SQL", "bbolt": "bbolt",
	"pgx": "plain pgx", "etcd": "etcd's client", "keys": "KEYS and DEL", "limit": "limit",
}

// rates are columns of this store, and of each other beside it.
func rates(unit string, others ...string) []column {
	columns := []column{{head: contestants["store"], of: "store", unit: unit}}
	for _, of := range others {
		columns = append(columns, column{head: contestants[of], of: of, unit: unit}, column{head: "ratio", of: "store", unit: unit, over: of})
	}
	return columns
}

func percentiles(others ...string) (columns []column) {
	for _, of := range append([]string{"store"}, others...) {
		for _, p := range []string{"p50", "p99"} {
			columns = append(columns, column{head: contestants[of] + ", " + p, of: of, unit: p + "-ns"})
		}
	}
	return columns
}

var single = regexp.MustCompile(`^call=SetIfNewer`)

var tables = []table{
	{name: "redis", of: []string{"Call"}, where: "engine=redis", head: "calls a second", columns: rates("ops/s", "limit", "goredis", "rueidis")},
	{name: "redis-times", of: []string{"Call"}, where: "engine=redis", rows: single, head: "one call takes", columns: percentiles("goredis", "rueidis")},
	{name: "server", of: []string{"Server"}, head: "the server's time for one", columns: rates("server-ns/op", "goredis")},
	{name: "sqlite", of: []string{"Call"}, where: "engine=sqlite", head: "calls a second", columns: rates("ops/s", "limit", "sql", "bbolt")},
	{name: "sqlite-times", of: []string{"Call"}, where: "engine=sqlite", rows: single, head: "one call takes", columns: percentiles("sql", "bbolt")},
	{name: "postgres", of: []string{"Call"}, where: "engine=postgres", head: "calls a second", columns: rates("ops/s", "pgx")},
	{name: "postgres-times", of: []string{"Call"}, where: "engine=postgres", rows: single, head: "one call takes", columns: percentiles("pgx")},
	{name: "etcd", of: []string{"Call"}, where: "engine=etcd", head: "calls a second", columns: rates("ops/s", "etcd")},
	{name: "etcd-times", of: []string{"Call"}, where: "engine=etcd", rows: single, head: "one call takes", columns: percentiles("etcd")},
	{name: "large", of: []string{"Large"}, byContestant: true, head: "checkpoints a second", columns: []column{
		{head: "written", unit: "writes/s"},
		{head: "GetAll", unit: "reads/s"},
		{head: "Clear", unit: "clears/s"},
		{head: "longest command", unit: "longest-ns"},
		{head: "bytes each", unit: "B/key"},
	}},
	{name: "keys", of: []string{"Key"}, head: "form", columns: []column{{head: "bytes a checkpoint", unit: "B/key"}}},
	{name: "memory", of: []string{"Store"}, head: "memstore", columns: []column{{head: "one call", unit: "ns/op"}, {head: "allocations", unit: "allocs/op"}}},
	{name: "consumer", of: []string{"TrackDone", "Run"}, head: "subscription", columns: []column{{head: "one event", unit: "ns/op"}, {head: "allocations", unit: "allocs/op"}}},
	{name: "command", of: []string{"Command"}, head: "`checkpoint`", columns: []column{{head: "a new process takes", unit: "ns/op"}, {head: "memory, MiB", unit: "peak-MiB"}}},
}

// markdown is the table of what r has. No rows are an error.
func (t table) markdown(r *report) (string, error) {
	head := []string{t.head}
	for _, c := range t.columns {
		head = append(head, c.head)
	}
	var labels []string
	found := make(map[string]map[string]*result) // by label and contestant
	for _, res := range r.results {
		label, of, shown := t.place(res)
		if !shown {
			continue
		}
		if found[label] == nil {
			labels = append(labels, label)
			found[label] = make(map[string]*result)
		}
		found[label][of] = res
	}
	if len(labels) == 0 {
		return "", fmt.Errorf("no benchmark was run for the table %s", t.name)
	}
	rows := [][]string{head}
	for _, label := range labels {
		cells := []string{label}
		for _, c := range t.columns {
			cells = append(cells, c.cell(found[label]))
		}
		rows = append(rows, cells)
	}
	return grid(rows), nil
}

// place is where a result is shown: its row, and the contestant of its column.
func (t table) place(r *result) (label, of string, shown bool) {
	if !slices.Contains(t.of, r.name) || t.where != "" && !slices.Contains(r.labels, t.where) {
		return "", "", false
	}
	var words []string
	if len(t.of) > 1 {
		words = []string{r.name}
	}
	for _, l := range r.labels {
		if l != t.where {
			words = append(words, l)
		}
	}
	label, of = strings.Join(words, ", "), r.of
	if t.rows != nil && !t.rows.MatchString(label) {
		return "", "", false
	}
	if t.byContestant {
		return label + ", " + contestants[of], "", true
	}
	return label, of, true
}

// cell shows what the contestants of a row measured, and a dash for what they did not.
func (c column) cell(row map[string]*result) string {
	v, ok := row[c.of].best(c.unit)
	if !ok {
		return "–"
	}
	if c.over == "" {
		return format(v, c.unit)
	}
	over, ok := row[c.over].best(c.unit)
	switch {
	case !ok || over == 0 || v == 0:
		return "–"
	case strings.HasSuffix(c.unit, "/s"):
		return fmt.Sprintf("%.2f", v/over)
	}
	return fmt.Sprintf("%.2f", over/v)
}

// grid writes Markdown. The first row is the head, and "a=b" in the first column
// are words.
func grid(rows [][]string) string {
	var b strings.Builder
	for i, cells := range rows {
		first := strings.NewReplacer("call=", "", "engine=", "", "write=", "", "form=", "", "run=", "", "=", " ").Replace(cells[0])
		fmt.Fprintf(&b, "| %s | %s |\n", first, strings.Join(cells[1:], " | "))
		if i == 0 {
			fmt.Fprintf(&b, "| ---%s |\n", strings.Repeat(" | ---:", len(cells)-1))
		}
	}
	return b.String()
}

func format(v float64, unit string) string {
	if strings.HasSuffix(unit, "ns/op") || strings.HasSuffix(unit, "-ns") {
		return duration(time.Duration(v + 0.5))
	}
	return rounded(v)
}

// rounded shows three significant digits, with commas between thousands.
func rounded(v float64) string {
	if v < 100 {
		return fmt.Sprintf("%.3g", v)
	}
	unit := 1.0
	for v/unit >= 1000 {
		unit *= 10
	}
	digits := fmt.Sprintf("%.0f", float64(int64(v/unit+0.5))*unit)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// duration shows three significant digits.
func duration(d time.Duration) string {
	switch {
	case d < time.Microsecond:
		return rounded(float64(d)) + " ns"
	case d < time.Millisecond:
		return rounded(float64(d)/1e3) + " µs"
	case d < time.Second:
		return rounded(float64(d)/1e6) + " ms"
	}
	return rounded(d.Seconds()) + " s"
}
