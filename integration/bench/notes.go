package main

import (
	_ "embed"
	"fmt"
	"strings"
	"text/template"
)

// notesText has a note for some targets, which is shown where the target was
// missed.
//
//go:embed notes.md.tmpl
var notesText string

// A miss is a target that was missed, and why.
type miss struct{ What, Note string }

// Missed are the notes on what was missed.
func (v view) Missed() ([]miss, error) {
	notes, err := template.New("notes").Parse(notesText)
	if err != nil {
		return nil, err
	}
	var found []miss
	for _, t := range targets {
		measured, ok := v.r.measured[t.id]
		if !ok || t.met(measured) {
			continue
		}
		m := miss{What: t.what}
		if note := notes.Lookup(t.id); note != nil {
			newer, err := v.r.newerWrites(t.id)
			if err != nil {
				return nil, err
			}
			var b strings.Builder
			if err := note.Execute(&b, newer); err != nil {
				return nil, err
			}
			m.Note = strings.TrimSpace(b.String())
		}
		found = append(found, m)
	}
	return found, nil
}

// newerWrites is what a note can say of writes with a newer position.
type newerWrites struct {
	Micros    string // of the server's thread, for each
	PerSecond string // how many those leave time for
	Share     string // how much of that the store did
}

// newerWrites is nil for a target that is no rate of writes on Redis.
func (r *report) newerWrites(id string) (*newerWrites, error) {
	did, ok := r.writes[id]
	if !ok {
		return nil, nil
	}
	if r.newerMicros <= 0 {
		return nil, fmt.Errorf("the note on %s: what a newer position costs the server was not measured", id)
	}
	most := 1e6 / r.newerMicros
	return &newerWrites{Micros: rounded(r.newerMicros), PerSecond: rounded(most), Share: ratio(did / most)}, nil
}
