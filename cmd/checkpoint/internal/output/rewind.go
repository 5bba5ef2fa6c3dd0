package output

import (
	"encoding/json"
	"io"
	"strconv"

	"github.com/checkpointstore/checkpoint"
)

// A Rewind is what a rewind would do to a key.
type Rewind struct {
	Key      string               `json:"key"`
	Before   *checkpoint.Position `json:"before"` // nil: there is none
	After    checkpoint.Position  `json:"after"`
	Effect   string               `json:"effect"`
	LocksOut string               `json:"locksOut,omitempty"`
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
			if err := row(w, r.Key, optionalPosition(r.Before), r.After.String(), r.Effect, printable(r.LocksOut)); err != nil {
				return err
			}
		}
		return nil
	case len(rewinds) == 0:
		return nil
	}
	rows := [][]string{{"KEY", "BEFORE", "AFTER", "EFFECT", "LOCKS OUT"}}
	for _, r := range rewinds {
		rows = append(rows, []string{r.Key, short(r.Before), short(&r.After), r.Effect, printable(r.LocksOut)})
	}
	return align(w, rows, 1, 2)
}

// short is the shortest text of a position.
func short(p *checkpoint.Position) string {
	switch {
	case p == nil:
		return "-"
	case p.Commit == p.Prepare:
		return strconv.FormatUint(p.Commit, 10)
	}
	return p.String()
}
