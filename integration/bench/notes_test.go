package main

import (
	"slices"
	"strings"
	"testing"
	"text/template"
)

// TestNotes: a figure in a note would outlive the run that it is of.
func TestNotes(t *testing.T) {
	notes, err := template.New("notes").Parse(notesText)
	if err != nil {
		t.Fatal(err)
	}
	with := []string{"redis-256", "redis-1024", "redis-batch"}
	for _, note := range notes.Templates() {
		id := note.Name()
		if id == "notes" || id == "newer" {
			continue
		}
		if _, ok := findTarget(id); !ok {
			t.Errorf("there is a note on %s, which is no target", id)
		}
		var b strings.Builder
		err := note.Execute(&b, &newerWrites{"MICROS", "PERSECOND", "SHARE"})
		if err != nil || strings.TrimSpace(b.String()) == "" {
			t.Errorf("the note on %s is %q, %v", id, &b, err)
		}
		for _, figure := range []string{"MICROS µs", "PERSECOND a second", "SHARE of"} {
			if strings.Contains(b.String(), figure) != slices.Contains(with, id) {
				t.Errorf("the note on %s, as to %q: %s", id, figure, &b)
			}
		}
	}
}

func TestNotesOnNewerWrites(t *testing.T) {
	for name, c := range map[string]struct {
		target        string
		did, measured float64 // by the store, over the limit
		micros        float64
		want          string // none: an error
	}{
		"less":         {"redis-1024", 200_000, 0.69, 4.3, "takes\nthe server 4.3 µs of its one thread, in pipelines of 64: about 233,000 a second are all\nthat it has time for, whatever the client. This store does 0.86 of that."},
		"all":          {"redis-batch", 234_000, 0.79, 4.3, "This store does 1.01 of that."},
		"a fast one":   {"redis-256", 500_000, 0.5, 0.96, "about 1,040,000 a second are all\nthat it has time for, whatever the client. This store does 0.48 of that."},
		"not measured": {"redis-256", 500_000, 0.5, 0, ""},
		"no writes":    {"redis-1024", 0, 0.5, 4.3, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := reportOf("redis")
			r.reach(c.target, c.measured)
			r.newerMicros = c.micros
			if c.did > 0 {
				r.writes[c.target] = c.did
			}
			missed, err := view{r}.Missed()
			if c.want == "" {
				if err == nil {
					t.Errorf("missed are %q, want an error", missed)
				}
				return
			}
			if err != nil || len(missed) != 1 || !strings.Contains(missed[0].Note, c.want) {
				t.Errorf("missed are %q, %v; want %q", missed, err, c.want)
			}
		})
	}
}
