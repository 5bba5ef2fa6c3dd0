package text

import (
	"encoding/json"
	"io"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/watch"
)

// Rows writes rows as JSON, one a line.
func Rows(w io.Writer, rows []watch.Row) error {
	encoder := lines(w)
	for _, r := range rows {
		if err := encoder.Encode(r); err != nil {
			return err
		}
	}
	return nil
}

// An Entry is an audit entry as JSON shows it, with its number from 1 up.
type Entry struct {
	Entry int `json:"entry"`
	checkpoint.AuditEntry
}

// Entries writes audit entries as JSON, one a line, with their numbers from 1 up.
func Entries(w io.Writer, entries []checkpoint.AuditEntry) error {
	encoder := lines(w)
	for i, e := range entries {
		if err := encoder.Encode(Entry{1 + i, e}); err != nil {
			return err
		}
	}
	return nil
}

func lines(w io.Writer) *json.Encoder {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return encoder
}
