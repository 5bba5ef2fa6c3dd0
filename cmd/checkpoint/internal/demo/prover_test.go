package demo

import (
	"regexp"
	"strings"
	"testing"
)

// TestProverFails gives the demo consumers that are wrong in one way each. A
// proof that cannot fail would prove nothing.
func TestProverFails(t *testing.T) {
	for role, want := range map[string]string{
		"drops":         `^demo/revenue skipped 1 of 3000 events, the first at C:\d+/P:\d+`,
		"drops a batch": `^demo/stock skipped 100 of 3000 events`,
		"doubles":       `^demo/revenue replayed 1, where its crash accounts for 0$`,
		"invents":       `^demo/revenue has effects that no event of the log has: 1$`,
		"errs":          `^demo/revenue skipped 1 of .* \(and 1 more\)$`,
		"forgets":       `^the checkpoint of demo/revenue is at C:12/P:12, and the end of the log at `,
		"miscounts":     `^the report of demo/revenue is not what one pass over the log gives$`,
	} {
		t.Run(role, func(t *testing.T) {
			t.Parallel()
			r := newTestRun(t, role, sqlitePath(t))
			err := r.run.run(t.Context())
			if err == nil || !regexp.MustCompile(want).MatchString(err.Error()) {
				t.Fatalf("got %v, want %s", err, want)
			}
			sentence, _, _ := strings.Cut(err.Error(), " (and ")
			if out := r.stdout.String(); !strings.Contains(out, "FAILED: "+sentence) || strings.Contains(out, "Verified") {
				t.Errorf("the output does not say so:\n%s", out)
			}
			r.processes(t)
		})
	}
}

// TestSupervisorFails gives it children with which a run cannot go on.
func TestSupervisorFails(t *testing.T) {
	for role, want := range map[string]string{
		"ahead": `^demo/stock was killed with its checkpoint at .*, past its effects, which end at `,
		// Whether the one that took over has reached the end by then is open.
		"unfenced": `another instance has stored a newer position|let a stale instance write`,
		"idle":     `^\w+-1 ended without a report$`,
		"gives up": `^stock-1 ended before it was killed$`,
		"fails":    `^\w+-1 failed: exit status 1: no teapots left$`,
	} {
		t.Run(role, func(t *testing.T) {
			t.Parallel()
			r := newTestRun(t, role, sqlitePath(t))
			err := r.run.run(t.Context())
			if err == nil || !regexp.MustCompile(want).MatchString(err.Error()) {
				t.Errorf("got %v, want %s", err, want)
			}
			if strings.Contains(r.stdout.String(), "Verified") {
				t.Errorf("the output says otherwise:\n%s", &r.stdout)
			}
			r.processes(t)
		})
	}
}
