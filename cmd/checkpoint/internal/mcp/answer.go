package mcp

import (
	"cmp"
	"encoding/json"
	"fmt"
)

// An Answer is what each tool returns.
type Answer struct {
	Rows   []json.RawMessage `json:"rows"`
	More   int               `json:"more,omitempty"` // rows that were left out
	Counts map[string]int    `json:"counts,omitempty"`
	Note   string            `json:"note,omitempty"`
}

// The bounds of an answer. An assistant reads all of it.
const (
	usualRows    = 100
	mostRows     = 500
	usualEntries = 20
	mostBytes    = 256 << 10 // of all rows but the first
)

// hints are what the note says if there are no rows, more than were asked for, or more than
// an answer has room for.
type hints struct{ none, more, full string }

// answerOf returns an answer of the first rows.
func answerOf[R any](rows []R, limit int, h hints) (*Answer, error) {
	a, size, hint := &Answer{Rows: []json.RawMessage{}}, 0, h.more
	for _, r := range rows[:min(limit, len(rows))] {
		text, err := json.Marshal(r)
		if err != nil {
			return nil, err
		}
		if size += len(text); size > mostBytes && len(a.Rows) > 0 {
			hint = h.full
			break
		}
		a.Rows = append(a.Rows, text)
	}
	switch a.More = len(rows) - len(a.Rows); {
	case len(rows) == 0:
		a.Note = "the store was read, and " + h.none
	case a.More > 0:
		a.Note = fmt.Sprintf("%d more are left out; %s", a.More, hint)
	}
	return a, nil
}

func checkLimit(name string, n *int, usual, most int) error {
	if *n = cmp.Or(*n, usual); *n < 1 || *n > most {
		return fmt.Errorf("%s is %d; give 1 to %d", name, *n, most)
	}
	return nil
}
