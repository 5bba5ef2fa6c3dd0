package output_test

import (
	"strings"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/output"
	"github.com/checkpointstore/checkpoint/driver"
)

// Somebody may have stored a text by hand that steers a terminal, or that breaks a row.
func TestHistoryQuotesWhatCouldSteerATerminal(t *testing.T) {
	entries := []checkpoint.AuditEntry{{
		At: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Op: "set", New: &checkpoint.Position{Commit: 1, Prepare: 1},
		By: driver.By{Actor: "a\x1b[2J", Reason: "one\ttwo\nthree"},
	}}
	for format, want := range map[string]string{
		"":      "2026-01-02T03:04:05.000Z\tset\t\"a\\x1b[2J\"\t-\tC:1/P:1\t0\t0\t\"one\\ttwo\\nthree\"\n",
		"table": "\"a\\x1b[2J\"  -     C:1/P:1  0      \"one\\ttwo\\nthree\"\n",
		"json":  `"actor":"a\u001b[2J","reason":"one\ttwo\nthree"`,
	} {
		var out strings.Builder
		if err := output.History(&out, format, entries); err != nil || !strings.Contains(out.String(), want) {
			t.Errorf("%q: %q, %v, want %q", format, out.String(), err, want)
		}
	}
}
