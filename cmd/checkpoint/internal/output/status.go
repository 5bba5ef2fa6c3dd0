package output

import (
	"cmp"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/text"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/watch"
)

type statusColumn = column[watch.Row]

func untimed(text func(watch.Row) string) func(time.Time, watch.Row) string {
	return func(_ time.Time, r watch.Row) string { return text(r) }
}

var (
	statusColumns = []statusColumn{
		{head: "KEY", text: untimed(func(r watch.Row) string { return printable(r.Key) })},
		{head: "STATE", text: untimed(func(r watch.Row) string { return string(r.State) })},
		{head: "POSITION", right: true, text: untimed(text.RowPosition), spare: 1},
		{head: "LAG", right: true, text: untimed(text.Lag), spare: 1},
		{head: "BEHIND", right: true, text: untimed(text.Behind), spare: 1},
		{head: "RATE", right: true, text: untimed(text.Rate), spare: 3},
		{head: "OWNER", text: untimed(func(r watch.Row) string { return shorten(printable(r.Owner), 24) }), spare: 2},
		{head: "LEASE", right: true, text: untimed(text.Lease), spare: 4},
		{head: "AGE", right: true, text: untimed(text.Age), spare: 5},
	}
	wideStatusColumns = []statusColumn{
		{head: "KEY", text: untimed(func(r watch.Row) string { return printable(r.Key) })},
		{head: "STATE", text: untimed(func(r watch.Row) string { return string(r.State) })},
		{head: "POSITION", right: true, text: untimed(text.RowPosition)},
		{head: "LAG", right: true, text: untimed(text.Lag)},
		{head: "BEHIND", right: true, text: untimed(text.Behind)},
		{head: "RATE", right: true, text: untimed(text.Rate)},
		{head: "OWNER", text: untimed(func(r watch.Row) string { return printable(r.Owner) })},
		{head: "LEASE", right: true, text: untimed(text.Lease)},
		{head: "AGE", right: true, text: untimed(text.Age)},
		{head: "WHY", text: untimed(func(r watch.Row) string { return printable(r.Why) })},
	}
)

// Status prints rows in a format of [New]. Below a table on a terminal, it says why the
// consumers that are stuck are so.
func Status(w io.Writer, format string, rows []watch.Row) error {
	switch {
	case format == "json":
		return text.Rows(w, rows)
	case format == "" && !IsTerminal(w):
		return statusPlain(w, rows)
	case format == "wide":
		return statusTable(newTable(w, time.Now, 0, wideStatusColumns), rows)
	}
	if err := statusTable(newTable(w, time.Now, Width(w), statusColumns), rows); err != nil {
		return err
	}
	return reasons(w, rows)
}

func statusTable(t *Table[watch.Row], rows []watch.Row) error {
	for _, r := range rows {
		if err := t.Print(r); err != nil {
			return err
		}
	}
	return t.Flush()
}

func statusPlain(w io.Writer, rows []watch.Row) error {
	for _, r := range rows {
		position, behind := "-", "-"
		if c := r.Cell.Checkpoint; c.Exists && c.Err == nil {
			position = c.Position.String()
		}
		if w := r.Worker; w != nil && w.LagTime != nil {
			behind = strconv.FormatInt(w.LagTime.Milliseconds(), 10)
		}
		err := row(w, printable(r.Key), string(r.State), position, text.Lag(r), behind, cmp.Or(printable(r.Owner), "-"),
			optionalMs(r.LeaseLeft), optionalMs(r.Age), printable(r.Why))
		if err != nil {
			return err
		}
	}
	return nil
}

func optionalMs(d *time.Duration) string {
	if d == nil {
		return "-"
	}
	return strconv.FormatInt(d.Milliseconds(), 10)
}

// mostReasons bounds what is printed below a table.
const mostReasons = 10

func reasons(w io.Writer, rows []watch.Row) error {
	n := 0
	for _, r := range rows {
		if r.Why == "" || !r.State.IsStuck() && r.State != watch.Late && r.State != watch.Rewound && r.State != watch.Paused {
			continue
		}
		if n++; n > mostReasons {
			continue
		}
		if n == 1 {
			fmt.Fprintln(w)
		}
		if _, err := fmt.Fprintf(w, "%s is %s: %s\n", printable(r.Key), r.State, printable(r.Why)); err != nil {
			return err
		}
	}
	if n > mostReasons {
		fmt.Fprintf(w, "and %d more; -o wide says why\n", n-mostReasons)
	}
	return nil
}
