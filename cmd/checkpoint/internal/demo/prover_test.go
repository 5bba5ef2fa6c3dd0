package demo

import (
	"regexp"
	"strings"
	"testing"
)

// TestProverFails gives the demo consumers, each of which is wrong in one way. A proof
// that cannot fail proves nothing.
func TestProverFails(t *testing.T) {
	for role, want := range map[string]string{
		"drops":         `^demo/stock skipped 1 of 3000 events, the first at C:\d+/P:\d+$`,
		"drops a batch": `^demo/stock skipped (9\d|100) of 3000 events`, // some of them were repeated
		"doubles":       `^demo/stock repeated \d+ events, and its crash accounts for \d+$`,
		"invents":       `^demo/stock has effects that no event of the log has: 1$`,
		"errs":          `^demo/stock skipped 1 of .* \(and 1 more\)$`,
		"fleet drops":   `^demo/fleet skipped 1 of 300\d events, the first at C:\d+/P:\d+$`,
		"fleet invents": `^demo/fleet has effects that no event of the log has: 1$`,
		"forgets":       `^the checkpoint of demo/stock is at C:\d+/P:\d+, and the end of the log at `,
		"goes back":     `^demo/stock took an old position from a stale instance$`,
	} {
		t.Run(role, func(t *testing.T) {
			t.Parallel()
			r := newTestRun(t, role, sqlitePath(t))
			err := r.run.run(t.Context())
			if err == nil || !regexp.MustCompile(want).MatchString(err.Error()) {
				t.Fatalf("got %v, want %s", err, want)
			}
			sentence, _, _ := strings.Cut(err.Error(), " (and ")
			if out := r.stdout.String(); !strings.Contains(out, "FAILED: "+sentence) || strings.Contains(out, "VERIFIED") {
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
		"unfenced":    `another instance has stored a newer position|took a claim from a stale instance`,
		"fleet idles": `^fleet-\d ended by itself$`,
		"idle":        `^\w+-1 ended without a report$`,
		"gives up":    `^stock-1 ended before it was killed$`,
		"fails":       `^\w+-1 failed: exit status 1: no teapots left$`,
	} {
		t.Run(role, func(t *testing.T) {
			t.Parallel()
			r := newTestRun(t, role, sqlitePath(t))
			err := r.run.run(t.Context())
			if err == nil || !regexp.MustCompile(want).MatchString(err.Error()) {
				t.Errorf("got %v, want %s", err, want)
			}
			if strings.Contains(r.stdout.String(), "VERIFIED") {
				t.Errorf("the output says otherwise:\n%s", &r.stdout)
			}
			r.processes(t)
		})
	}
}
