package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// formerRun is the text of a run, and its lines that measure targets.
func formerRun(t *testing.T) (text string, lines []string) {
	t.Helper()
	run, err := os.ReadFile(filepath.Join("testdata", "run.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(run)) {
		if strings.HasPrefix(line, "BenchmarkTarget/") {
			lines = append(lines, line)
		}
	}
	return string(run), lines
}

func TestATargetThatIsNotMeasuredIsAnError(t *testing.T) {
	text, lines := formerRun(t)
	if len(lines) != len(measurements) {
		t.Fatalf("the former run has %d lines of targets, want %d", len(lines), len(measurements))
	}
	for i, line := range lines {
		r, err := parse(strings.Replace(text, line, "", 1))
		if err != nil {
			t.Fatal(err)
		}
		name := measurements[i].of
		if _, err := targetTable(r); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("without %s the table of targets is made, with the error %v", name, err)
		}
		if err := writeVerdict(r, new(bytes.Buffer)); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("without %s the verdict is told, with the error %v", name, err)
		}
	}
}

func TestEachTargetHasItsMeasurement(t *testing.T) {
	for _, m := range measurements {
		if !slices.ContainsFunc(targets, func(t target) bool { return t.of == m.of }) {
			t.Errorf("%s is measured, and is no target", m.of)
		}
	}
	for _, target := range targets {
		if !slices.ContainsFunc(measurements, func(m measurement) bool { return m.of == target.of }) {
			t.Errorf("%s is a target, and is not measured", target.of)
		}
	}
}

func TestVerdict(t *testing.T) {
	for _, c := range []struct {
		unit, shown, wanted string
		want, v             float64
		met                 bool
	}{
		{ratio, "0.95", "0.95", 0.95, 0.95, true},
		{ratio, "0.94", "0.95", 0.95, 0.9499, false},
		{ratio, "2.50", "2.50", 2.5, 2.509, true},
		{p99, "999 µs", "under 1 ms", 1e6, 999_000, true},
		{p99, "1 ms", "under 1 ms", 1e6, 1e6, false},
		{allocations, "1", "at most 1", 1, 1, true},
		{allocations, "2", "at most 1", 1, 2, false},
		{share, "0.0999 % of a core", "under 0.1 % of a core", 0.1, 0.0999, true},
		{share, "0.1 % of a core", "under 0.1 % of a core", 0.1, 0.1, false},
	} {
		target := target{unit: c.unit, want: c.want}
		if target.met(c.v) != c.met || target.shown(c.v) != c.shown || target.wanted() != c.wanted {
			t.Errorf("%s %v, want %v: met is %v, shown as %q, wanted as %q",
				c.unit, c.v, c.want, target.met(c.v), target.shown(c.v), target.wanted())
		}
	}
}

func TestTheMedianOfTheRoundsCounts(t *testing.T) {
	text, lines := formerRun(t)
	fields := strings.Fields(lines[0])
	for _, v := range []string{"0.99", "0.98"} {
		text += fields[0] + " 1 5 ns/op " + v + " ratio\n"
	}
	r, err := parse(text)
	if err != nil {
		t.Fatal(err)
	}
	table, err := targetTable(r)
	if want := "| Redis SetIfNewer, 1 caller | plain go-redis | 0.95 | 0.98 |\n"; err != nil || !strings.Contains(table, want) {
		t.Errorf("got\n%s\n%v, want %q", table, err, want)
	}
	var verdict bytes.Buffer
	if err := writeVerdict(r, &verdict); err != nil {
		t.Fatal(err)
	}
	met, missed, _ := strings.Cut(verdict.String(), "targets are missed:")
	if !strings.Contains(met, "\n  Redis SetIfNewer, 1 caller: 0.98, want 0.95\n") || !strings.Contains(missed, "\n  SQLite Get, 1 caller: ") {
		t.Errorf("the verdict is\n%s", &verdict)
	}
}
