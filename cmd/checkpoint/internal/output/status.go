package output

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"time"

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
		{head: "POSITION", right: true, text: untimed(RowPosition), spare: 1},
		{head: "LAG", right: true, text: untimed(RowLag), spare: 1},
		{head: "BEHIND", right: true, text: untimed(RowBehind), spare: 1},
		{head: "RATE", right: true, text: untimed(RowRate), spare: 3},
		{head: "OWNER", text: untimed(func(r watch.Row) string { return shorten(printable(r.Owner), 24) }), spare: 2},
		{head: "LEASE", right: true, text: untimed(RowLease), spare: 4},
		{head: "AGE", right: true, text: untimed(RowAge), spare: 5},
	}
	wideStatusColumns = []statusColumn{
		{head: "KEY", text: untimed(func(r watch.Row) string { return printable(r.Key) })},
		{head: "STATE", text: untimed(func(r watch.Row) string { return string(r.State) })},
		{head: "POSITION", right: true, text: untimed(RowPosition)},
		{head: "LAG", right: true, text: untimed(RowLag)},
		{head: "BEHIND", right: true, text: untimed(RowBehind)},
		{head: "RATE", right: true, text: untimed(RowRate)},
		{head: "OWNER", text: untimed(func(r watch.Row) string { return printable(r.Owner) })},
		{head: "LEASE", right: true, text: untimed(RowLease)},
		{head: "AGE", right: true, text: untimed(RowAge)},
		{head: "WHY", text: untimed(func(r watch.Row) string { return printable(r.Why) })},
	}
)

// RowPosition is the position of a row, as short as it can be.
func RowPosition(r watch.Row) string {
	if c := r.Cell.Checkpoint; c.Exists && c.Err == nil {
		return short(&c.Position)
	}
	return "-"
}

// RowLag is how far a row is behind, in positions.
func RowLag(r watch.Row) string {
	if r.Worker == nil || r.Worker.Lag == nil {
		return "-"
	}
	return strconv.FormatUint(*r.Worker.Lag, 10)
}

// RowBehind is how far a row is behind, in time. "≥" says that it is at least as far.
func RowBehind(r watch.Row) string {
	if r.Worker == nil || r.Worker.LagTime == nil {
		return "-"
	}
	text := watch.Span(*r.Worker.LagTime)
	if r.Worker.LagAtLeast {
		return "≥" + text
	}
	return text
}

// RowRate is how many events the instance at work finishes in a second.
func RowRate(r watch.Row) string {
	if r.Worker == nil {
		return "-"
	}
	return rate(r.Worker.Rate)
}

func rate(perSecond float64) string {
	if perSecond >= 10 || perSecond == 0 {
		return fmt.Sprintf("%.0f/s", perSecond)
	}
	return fmt.Sprintf("%.1f/s", perSecond)
}

// RowLease is for how long the lease still lasts.
func RowLease(r watch.Row) string { return optionalSpan(r.LeaseLeft) }

// RowAge is how long ago the checkpoint was written.
func RowAge(r watch.Row) string { return optionalSpan(r.Age) }

func optionalSpan(d *time.Duration) string {
	if d == nil {
		return "-"
	}
	return watch.Span(*d)
}

// Status prints rows in a format of [New]. Below a table on a terminal, it says why the
// consumers that are stuck are so.
func Status(w io.Writer, format string, rows []watch.Row) error {
	switch {
	case format == "json":
		return statusJSON(w, rows)
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

func statusJSON(w io.Writer, rows []watch.Row) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	for _, r := range rows {
		if err := encoder.Encode(r); err != nil {
			return err
		}
	}
	return nil
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
		err := row(w, printable(r.Key), string(r.State), position, RowLag(r), behind, cmp.Or(printable(r.Owner), "-"),
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
