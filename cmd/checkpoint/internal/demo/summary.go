package demo

import (
	"fmt"
	"strconv"
	"strings"
)

// summarize writes the result of the run, what to try next, and the verdict.
func (r *run) summarize(failures []string) {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%9s  %11s  %10s\n", "", "plain SET", "checkpoint")
	for _, row := range []struct {
		name  string
		count func(verdict) int
		means string
	}{
		{"skipped", func(v verdict) int { return v.Skipped }, "events without any effect"},
		{"repeated", func(v verdict) int { return v.Repeated }, "events that took effect again"},
		{"gone back", func(v verdict) int { return v.Back }, "events that the position moved back by"},
	} {
		fmt.Fprintf(&b, "%-9s  %11s  %10s   %s\n", row.name,
			thousands(row.count(r.plain.verdict)), thousands(row.count(r.ours.verdict)), row.means)
	}
	b.WriteByte('\n')
	for _, failure := range failures {
		fmt.Fprintln(&b, "FAILED:", failure)
	}
	if len(failures) == 0 {
		r.writeNext(&b)
		fmt.Fprintf(&b, "\nVERIFIED: of %s events %s skipped none, and repeated %d.\n",
			thousands(r.fleet.log.Events), r.fleet.key, r.fleet.verdict.Repeated)
		fmt.Fprintf(&b, "VERIFIED: of %s events checkpoint skipped none. The plain SET skipped %s.\n",
			thousands(r.log.Events), thousands(r.plain.verdict.Skipped))
	}
	fmt.Fprint(r.Stdout, paint(r.Stdout, b.String()))
}

func (r *run) writeNext(b *strings.Builder) {
	older := strconv.FormatUint(r.log.Last.Commit-1, 10)
	store := ""
	if r.Shown != "" {
		store = " " + r.Shown
	}
	fmt.Fprintf(b, "To try next (advance exits with 4, since its position is older by one):\n")
	for _, line := range []string{
		"list 'demo/*'" + store,
		"advance " + ours.key + " " + older + store,
	} {
		fmt.Fprintf(b, "  %s %s\n", r.Program, line)
	}
	if !strings.HasPrefix(r.Store, "redis") {
		fmt.Fprintf(b, "  %s demo --store redis://localhost:6379\n", r.Program)
	}
}
