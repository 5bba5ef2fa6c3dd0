package output

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/doctor"
)

// Findings prints the lines of a report in a format of [New], each at once.
func Findings(w io.Writer, format string) func(doctor.Line) error {
	switch {
	case format == "json":
		encoder := json.NewEncoder(w)
		encoder.SetEscapeHTML(false)
		return func(l doctor.Line) error { return encoder.Encode(l) }
	case format == "" && !IsTerminal(w):
		return func(l doctor.Line) error {
			return row(w, l.Level.String(), l.Check, l.Text, dashed(l.Remedy))
		}
	}
	return func(l doctor.Line) error {
		_, err := fmt.Fprintf(w, "%-4s%s%-12s%s%s\n", l.Level, gap, l.Check, gap, l.Text)
		if err == nil && l.Remedy != "" {
			_, err = fmt.Fprintf(w, "%-4s%s%-12s%s%s\n", "", gap, "", gap, "-> "+l.Remedy)
		}
		return err
	}
}

func dashed(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
