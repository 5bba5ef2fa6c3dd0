package cli_test

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"

	"github.com/checkpointstore/checkpoint/internal/servertest"
)

// A finding is a line of doctor in JSON.
type finding struct{ Check, Level, Text, Remedy string }

// examine runs doctor on a store, and returns what it reports. Its exit code must be that
// of the worst line.
func examine(t *testing.T, url string, args ...string) []finding {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "checkpoint", append([]string{"doctor", "-o", "json", "--store", url}, args...)...)
	servertest.DieWithParent(cmd)
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	_ = cmd.Run() // its exit code is looked at
	var found []finding
	worst := 0
	for line := range strings.Lines(stdout.String()) {
		var f finding
		if err := json.Unmarshal([]byte(line), &f); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		found = append(found, f)
		if f.Check == "" || f.Text == "" || (f.Level == "OK") != (f.Remedy == "") {
			t.Errorf("a line lacks something: %+v", f)
		}
		if code := map[string]int{"OK": 0, "WARN": 6, "FAIL": 1}[f.Level]; code == 1 || worst == 0 {
			worst = code
		}
	}
	if code := cmd.ProcessState.ExitCode(); code != worst || len(found) == 0 {
		t.Errorf("exit code %d, want %d: %s%s", code, worst, stdout.String(), stderr.String())
	}
	if strings.Contains(stdout.String()+stderr.String(), "sesame") {
		t.Errorf("a password is shown: %s%s", stdout.String(), stderr.String())
	}
	return found
}

// reports expects a line of a check: its level, and what its text contains.
func reports(t *testing.T, found []finding, check, level, text string) {
	t.Helper()
	for _, f := range found {
		if f.Check == check && f.Level == level && strings.Contains(f.Text, text) {
			return
		}
	}
	t.Errorf("no line says %s %s %q:", level, check, text)
	for _, f := range found {
		t.Logf("%+v", f)
	}
}

// allOK expects that no check, except these, has found anything.
func allOK(t *testing.T, found []finding, except ...string) {
	t.Helper()
	for _, f := range found {
		if f.Level != "OK" && !strings.Contains(strings.Join(except, ","), f.Check) {
			t.Errorf("in a sound store: %+v", f)
		}
	}
}

func run(t *testing.T, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "checkpoint", args...)
	servertest.DieWithParent(cmd)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("checkpoint %q: %v: %s", args, err, out)
	}
}
