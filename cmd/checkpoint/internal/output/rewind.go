package output

import (
	"encoding/json"
	"io"
	"slices"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/text"
)

// A Rewind is what a rewind would do to a key.
type Rewind struct {
	Key      string               `json:"key"`
	Before   *checkpoint.Position `json:"before"` // nil: there is none
	After    checkpoint.Position  `json:"after"`
	Effect   string               `json:"effect"`
	LocksOut string               `json:"locksOut,omitempty"`

	// KnownAt is when the key is known to have stood at After. Zero: that does not matter.
	KnownAt time.Time `json:"knownAt,omitzero"`
}

// Rewinds prints what rewinds would do, in a format of [New].
func Rewinds(w io.Writer, format string, rewinds []Rewind) error {
	switch {
	case format == "json":
		encoder := json.NewEncoder(w)
		encoder.SetEscapeHTML(false)
		for _, r := range rewinds {
			if err := encoder.Encode(r); err != nil {
				return err
			}
		}
		return nil
	case format == "" && !IsTerminal(w):
		for _, r := range rewinds {
			if err := row(w, r.Key, optionalPosition(r.Before), r.After.String(), r.Effect, printable(r.LocksOut), exact(r.KnownAt)); err != nil {
				return err
			}
		}
		return nil
	case len(rewinds) == 0:
		return nil
	}
	rows := [][]string{{"KEY", "BEFORE", "AFTER", "EFFECT", "LOCKS OUT"}}
	past := slices.ContainsFunc(rewinds, func(r Rewind) bool { return !r.KnownAt.IsZero() })
	if past {
		rows[0] = append(rows[0], "STOOD THERE")
	}
	for _, r := range rewinds {
		cells := []string{r.Key, text.Position(r.Before), text.Position(&r.After), r.Effect, printable(r.LocksOut)}
		if past {
			cells = append(cells, exact(r.KnownAt))
		}
		rows = append(rows, cells)
	}
	return align(w, rows, 1, 2)
}
