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

// Entries writes audit entries as JSON, one a line, with their numbers from 1 up.
func Entries(w io.Writer, entries []checkpoint.AuditEntry) error {
	encoder := lines(w)
	for i, e := range entries {
		err := encoder.Encode(struct {
			Entry int `json:"entry"`
			checkpoint.AuditEntry
		}{1 + i, e})
		if err != nil {
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
