// Package doctortest runs `checkpoint doctor` in tests, and reads what it reports.
package doctortest

import (
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/checkpointstore/checkpoint/internal/servertest"
)

// A Finding is a line of doctor in JSON.
type Finding struct{ Check, Level, Text, Remedy string }

// Examine runs doctor of a program on a store, and returns what it reports. Each line must
// be whole, and the exit code must be that of the worst line. The password "sesame" must
// not be shown.
func Examine(tb testing.TB, program, url string, args ...string) []Finding {
	tb.Helper()
	cmd := exec.CommandContext(tb.Context(), program, append([]string{"doctor", "-o", "json", "--store", url}, args...)...)
	servertest.DieWithParent(cmd)
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	_ = cmd.Run() // its exit code is looked at
	var found []Finding
	worst := 0
	for text := range strings.Lines(stdout.String()) {
		var f Finding
		if err := json.Unmarshal([]byte(text), &f); err != nil {
			tb.Fatalf("%q: %v", text, err)
		}
		found = append(found, f)
		if f.Check == "" || f.Text == "" || (f.Level == "OK") != (f.Remedy == "") {
			tb.Errorf("a line lacks something: %+v", f)
		}
		if code := map[string]int{"OK": 0, "WARN": 6, "FAIL": 1}[f.Level]; code == 1 || worst == 0 {
			worst = code
		}
	}
	if code := cmd.ProcessState.ExitCode(); code != worst || len(found) == 0 {
		tb.Errorf("exit code %d, want %d: %s%s", code, worst, stdout.String(), stderr.String())
	}
	if strings.Contains(stdout.String()+stderr.String(), "sesame") {
		tb.Errorf("a password is shown: %s%s", stdout.String(), stderr.String())
	}
	return found
}

// Reports expects a line of a check: its level, and what its text contains. An empty level
// is any.
func Reports(tb testing.TB, found []Finding, check, level, text string) {
	tb.Helper()
	for _, f := range found {
		if f.Check == check && (level == "" || f.Level == level) && strings.Contains(f.Text, text) {
			return
		}
	}
	tb.Errorf("no line says %s %s %q:", level, check, text)
	for _, f := range found {
		tb.Logf("%+v", f)
	}
}

// AllOK expects that no check, except these, has found anything.
func AllOK(tb testing.TB, found []Finding, except ...string) {
	tb.Helper()
	for _, f := range found {
		if f.Level != "OK" && !slices.Contains(except, f.Check) {
			tb.Errorf("in a sound store: %+v", f)
		}
	}
}
