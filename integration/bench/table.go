package main

import (
	"fmt"
	"strings"
	"time"
)

func isWrite(name string) bool {
	return strings.HasPrefix(name, "SetIfNewer/") || strings.HasPrefix(name, "Apply/")
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

// table shows the store beside its limit and its rivals.
func (c *contest) table() [][]string {
	head := []string{"call", "this store"}
	if len(c.limits) > 0 {
		head = append(head, "limit", "ratio")
	}
	for _, r := range c.rivals {
		head = append(head, r.title, "ratio")
	}
	rows := [][]string{head}
	for _, name := range c.names {
		ours := c.ours[name]
		cells := []string{readable(name), rounded(ours)}
		add := func(other float64) {
			if other > 0 {
				cells = append(cells, rounded(other), ratio(ours/other))
			} else {
				cells = append(cells, "–", "–")
			}
		}
		if len(c.limits) > 0 {
			add(c.limits[name])
		}
		for _, r := range c.rivals {
			add(c.theirs[r.name][name])
		}
		rows = append(rows, cells)
	}
	return rows
}

// summarize picks what matters most of the table: the first rival is what a
// user would do without the store.
func (c *contest) summarize(r *report, title string) {
	for _, name := range []string{single + "1", single + "64", single + "512", single + "1024", "Apply/batch=1000", "GetAll"} {
		ours := r.rate(c.ours, name)
		cells := []string{title + ", " + readable(name), rounded(ours), "–", "–"}
		if limit := c.limits[name]; limit > 0 {
			cells[2] = ratio(ours / limit)
		}
		if len(c.rivals) > 0 {
			cells[3] = ratio(ours / r.rate(c.theirs[c.rivals[0].name], name))
		}
		r.summary = append(r.summary, cells)
	}
}

// markdown writes a table: the first row is the head, and all columns but the
// first are numbers.
func markdown(rows [][]string) string {
	var b strings.Builder
	for i, cells := range rows {
		fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | "))
		if i == 0 {
			fmt.Fprintf(&b, "| ---%s |\n", strings.Repeat(" | ---:", len(cells)-1))
		}
	}
	return b.String()
}

// ratio shows two digits after the point, or what matters of a large one.
func ratio(v float64) string {
	if v >= 100 {
		return rounded(v)
	}
	return fmt.Sprintf("%.2f", v)
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
