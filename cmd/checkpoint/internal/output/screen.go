package output

import (
	"io"
	"strings"
	"time"

	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/watch"
)

// Printable is how a text of somebody's is shown: quoted if it could steer the terminal.
func Printable(s string) string { return printable(s) }

// Shorten cuts the middle out of a text that has more columns than width.
func Shorten(s string, width int) string { return shorten(s, width) }

// A Screen is the table of [Status] on a screen that shows some of the rows. The columns
// stay the same whichever rows these are.
type Screen struct{ table *Table[*watch.Row] }

// leastKey is how much of a key a screen always has room for, however narrow it is.
const leastKey = 24

// NewScreen returns the table of rows on a screen that is width columns wide, with a column
// for the trend of each key. It shortens long keys, so that one of them does not cost the
// others their columns.
func NewScreen(rows []*watch.Row, width int, trend func(key string) string) Screen {
	var columns []column[*watch.Row]
	for _, c := range statusColumns {
		columns = append(columns, column[*watch.Row]{
			head: c.head, right: c.right, spare: c.spare, text: func(now time.Time, r *watch.Row) string { return c.text(now, *r) },
		})
	}
	most := max(leastKey, width/3)
	columns[0].text = func(_ time.Time, r *watch.Row) string { return shorten(printable(r.Key), most) }
	columns = append(columns, column[*watch.Row]{
		head: "TREND", right: true, spare: 2, text: func(_ time.Time, r *watch.Row) string { return trend(r.Key) },
	})
	t := newTable(io.Discard, time.Now, width, columns)
	t.held = rows
	t.measure()
	t.held = nil
	return Screen{t}
}

// Head returns the heads of the columns.
func (s Screen) Head() string {
	cells := make([]string, len(s.table.columns))
	for i, c := range s.table.columns {
		cells[i] = c.head
	}
	return s.line(cells)
}

// Row returns the line of a row.
func (s Screen) Row(r *watch.Row) string {
	cells := make([]string, len(s.table.columns))
	for i, c := range s.table.columns {
		cells[i] = c.text(time.Time{}, r)
	}
	cells[0] = shorten(cells[0], s.table.widths[0])
	return s.line(cells)
}

func (s Screen) line(cells []string) string {
	var b strings.Builder
	alignRow(&b, cells, s.table.widths, func(i int) bool { return s.table.columns[i].right })
	return strings.TrimSuffix(b.String(), "\n")
}
