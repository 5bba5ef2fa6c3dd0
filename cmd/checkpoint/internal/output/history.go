package output

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/text"
	"github.com/checkpointstore/checkpoint/driver"
)

// History prints audit entries in a format of [New], with their numbers from 1 up.
func History(w io.Writer, format string, entries []checkpoint.AuditEntry) error {
	switch {
	case format == "json":
		return text.Entries(w, entries)
	case format == "" && !IsTerminal(w):
		return historyPlain(w, entries)
	}
	return historyTable(w, time.Now(), format == "wide", entries)
}

func historyPlain(w io.Writer, entries []checkpoint.AuditEntry) error {
	for i, e := range entries {
		err := row(w, strconv.Itoa(1+i), exact(e.At), printable(e.Op), printable(e.Actor), optionalPosition(e.Old), optionalPosition(e.New),
			strconv.FormatUint(e.OldEpoch, 10), strconv.FormatUint(e.NewEpoch, 10), printable(e.Reason))
		if err != nil {
			return err
		}
	}
	return nil
}

func historyTable(w io.Writer, now time.Time, wide bool, entries []checkpoint.AuditEntry) error {
	rows := [][]string{{"ENTRY", "WHEN", "OP", "BY", "FROM", "TO", "EPOCH", "REASON"}}
	for i, e := range entries {
		at := text.Ago(now, e.At)
		if wide {
			at = exact(e.At)
		}
		epoch := strconv.FormatUint(e.NewEpoch, 10)
		if e.OldEpoch != e.NewEpoch {
			epoch = strconv.FormatUint(e.OldEpoch, 10) + " to " + epoch
		}
		rows = append(rows, []string{
			strconv.Itoa(1 + i), at, printable(e.Op), printable(e.Actor),
			optionalPosition(e.Old), optionalPosition(e.New), epoch, printable(e.Reason),
		})
	}
	return align(w, rows, 0)
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
