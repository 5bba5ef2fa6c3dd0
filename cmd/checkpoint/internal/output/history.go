package output

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
)

// History prints audit entries in a format of [New].
func History(w io.Writer, format string, entries []checkpoint.AuditEntry) error {
	switch {
	case format == "json":
		return historyJSON(w, entries)
	case format == "" && !IsTerminal(w):
		return historyPlain(w, entries)
	}
	return historyTable(w, time.Now(), format == "wide", entries)
}

func historyJSON(w io.Writer, entries []checkpoint.AuditEntry) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	for _, e := range entries {
		if err := encoder.Encode(e); err != nil {
			return err
		}
	}
	return nil
}

func historyPlain(w io.Writer, entries []checkpoint.AuditEntry) error {
	for _, e := range entries {
		err := row(w, exact(e.At), printable(e.Op), printable(e.Actor), optionalPosition(e.Old), optionalPosition(e.New),
			strconv.FormatUint(e.OldEpoch, 10), strconv.FormatUint(e.NewEpoch, 10), printable(e.Reason))
		if err != nil {
			return err
		}
	}
	return nil
}

func historyTable(w io.Writer, now time.Time, wide bool, entries []checkpoint.AuditEntry) error {
	table := tabwriter.NewWriter(w, 0, 0, len(gap), ' ', 0)
	if err := row(table, "WHEN", "OP", "BY", "FROM", "TO", "EPOCH", "REASON"); err != nil {
		return err
	}
	for _, e := range entries {
		at := Ago(now, e.At)
		if wide {
			at = exact(e.At)
		}
		epoch := strconv.FormatUint(e.NewEpoch, 10)
		if e.OldEpoch != e.NewEpoch {
			epoch = strconv.FormatUint(e.OldEpoch, 10) + " to " + epoch
		}
		err := row(table, at, printable(e.Op), printable(e.Actor), optionalPosition(e.Old), optionalPosition(e.New), epoch, printable(e.Reason))
		if err != nil {
			return err
		}
	}
	return table.Flush()
}

func row(w io.Writer, cells ...string) error {
	_, err := fmt.Fprintln(w, strings.Join(cells, "\t"))
	return err
}

// printable quotes a text that no driver has stored: another program did, and the text
// could steer the terminal.
func printable(s string) string {
	switch {
	case s == "":
		return "-"
	case driver.By{Reason: s}.Clean().Reason != s:
		return strconv.Quote(s)
	}
	return s
}

func optionalPosition(p *checkpoint.Position) string {
	if p == nil {
		return "-"
	}
	return p.String()
}
