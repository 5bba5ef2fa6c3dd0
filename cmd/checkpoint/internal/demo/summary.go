package demo

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// summarize writes what came of the run, and what to try next.
func (r *run) summarize(failures []string) {
	w := r.Stdout
	fmt.Fprintln(w)
	writeTable(w, r.table())
	fmt.Fprintln(w)
	if len(failures) > 0 {
		for _, failure := range failures {
			fmt.Fprintln(w, "FAILED:", failure)
		}
		return
	}
	fmt.Fprintf(w, "Verified from the consumers' files: every event took effect in every report,\n"+
		"and each report equals that of one pass over the log.\n\n")
	r.writeReport(w)
	r.writeNext(w)
}

func (r *run) table() [][]string {
	rows := [][]string{
		{"", "", "", "", "REGRESSIONS", "", "EVENTS"},
		{"CONSUMER", "EVENTS", "REPLAYED", "SKIPPED", "REFUSED", "FENCED", "PER SECOND"},
	}
	var total outcome
	for _, o := range r.outcomes {
		rows = append(rows, o.row(o.key, o.elapsed))
		total.verdict.Events += o.verdict.Events
		total.verdict.Replayed += o.verdict.Replayed
		total.verdict.Skipped += o.verdict.Skipped
		total.stale.Refused += o.stale.Refused
		total.stale.Fenced += o.stale.Fenced
	}
	return append(rows, total.row("total", r.elapsed))
}

func (o *outcome) row(name string, elapsed time.Duration) []string {
	row := []string{name}
	for _, n := range []int{
		o.verdict.Events, o.verdict.Replayed, o.verdict.Skipped, o.stale.Refused, o.stale.Fenced,
		int(float64(o.verdict.Events+o.verdict.Replayed) / elapsed.Seconds()),
	} {
		row = append(row, thousands(n))
	}
	return row
}

// writeTable aligns the first column to the left and numbers to the right.
func writeTable(w io.Writer, rows [][]string) {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, row := range rows {
		var b strings.Builder
		fmt.Fprintf(&b, "%-*s", widths[0], row[0])
		for i, cell := range row[1:] {
			fmt.Fprintf(&b, "  %*s", widths[i+1], cell)
		}
		fmt.Fprintln(w, b.String())
	}
}

const reportLines = 3

// writeReport shows the top of the victim's report: the one that would be
// wrong if a crash cost anything.
func (r *run) writeReport(w io.Writer) {
	for _, o := range r.outcomes {
		if o.key != victim {
			continue
		}
		fmt.Fprintf(w, "%s, from the consumer that was killed:\n", o.title)
		for _, name := range o.verdict.Report.top(reportLines) {
			fmt.Fprintf(w, "  %-14s %12s %s\n", name, thousands(int(o.verdict.Report.Totals[name])), o.unit)
		}
	}
}

func (r *run) writeNext(w io.Writer) {
	older := strconv.FormatUint(r.log.Last.Commit-1, 10)
	store := ""
	if r.Shown != "" {
		store = " " + r.Shown
	}
	fmt.Fprintf(w, "\nThe checkpoints are still there. What to try next:\n")
	for _, line := range [][2]string{
		{"list 'demo/*'" + store, "where the consumers stand"},
		{"get " + victim + " -o json" + store, "positions are strings, so that no reader rounds them"},
		{"advance " + victim + " " + older + store, "older by one: refused, exit code 4"},
	} {
		fmt.Fprintf(w, "  %s %s\n      # %s\n", r.Program, line[0], line[1])
	}
	if !strings.HasPrefix(r.Store, "redis") {
		fmt.Fprintf(w, "  %s demo --store redis://localhost:6379\n      # the same on Redis\n", r.Program)
	}
}
