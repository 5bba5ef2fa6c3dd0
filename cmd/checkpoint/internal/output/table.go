package output

import (
	"cmp"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/text"
)

// A column of a table of rows R.
type column[R any] struct {
	head  string
	right bool // as numbers are aligned
	text  func(now time.Time, r R) string
	spare int // on a narrow terminal, columns are left out from the highest spare down to 1; 0: never
}

const gap = "  "

var (
	keyColumn     = column[checkpoint.Checkpoint]{head: "KEY", text: func(_ time.Time, c checkpoint.Checkpoint) string { return c.Key }}
	commitColumn  = column[checkpoint.Checkpoint]{head: "COMMIT", right: true, text: commit}
	prepareColumn = column[checkpoint.Checkpoint]{head: "PREPARE", right: true, text: prepare}
	epochColumn   = column[checkpoint.Checkpoint]{head: "EPOCH", right: true, text: epochOf, spare: 2}

	columns = []column[checkpoint.Checkpoint]{
		keyColumn, commitColumn, prepareColumn,
		{head: "UPDATED", text: func(now time.Time, c checkpoint.Checkpoint) string { return text.Ago(now, c.UpdatedAt) }, spare: 1},
		{head: "EXPIRES", text: func(now time.Time, c checkpoint.Checkpoint) string { return text.Ahead(now, c.ExpiresAt) }, spare: 3},
		epochColumn,
	}
	wideColumns = []column[checkpoint.Checkpoint]{
		keyColumn, commitColumn, prepareColumn,
		{head: "UPDATED", text: func(_ time.Time, c checkpoint.Checkpoint) string { return exact(c.UpdatedAt) }},
		{head: "EXPIRES", text: func(_ time.Time, c checkpoint.Checkpoint) string { return exact(c.ExpiresAt) }},
		epochColumn,
		{head: "LOG ID", text: logID},
	}
)

// logID quotes an id that is not valid: another program stored it, and it could steer the
// terminal.
func logID(_ time.Time, c checkpoint.Checkpoint) string {
	if c.LogID != "" && checkpoint.ValidateLogID(c.LogID) != nil {
		return strconv.Quote(c.LogID)
	}
	return cmp.Or(c.LogID, "-")
}

func commit(_ time.Time, c checkpoint.Checkpoint) string {
	return strconv.FormatUint(c.Position.Commit, 10)
}

func prepare(_ time.Time, c checkpoint.Checkpoint) string {
	return strconv.FormatUint(c.Position.Prepare, 10)
}

func epochOf(_ time.Time, c checkpoint.Checkpoint) string { return epoch(c.Epoch) }

// A Table holds rows back until it has enough of them to know their widths.
type Table[R any] struct {
	w       io.Writer
	now     func() time.Time
	limit   int // the terminal's width; 0: none
	columns []column[R]
	held    []R
	widths  []int // of the columns; nil: nothing is printed yet
}

// maxHeld bounds how many rows are held back.
const maxHeld = 1000

// NewTable returns a table for a terminal that is width columns wide. Zero is no limit.
func NewTable(w io.Writer, now func() time.Time, width int) *Table[checkpoint.Checkpoint] {
	return newTable(w, now, width, columns)
}

func newTable[R any](w io.Writer, now func() time.Time, width int, columns []column[R]) *Table[R] {
	return &Table[R]{w: w, now: now, limit: width, columns: slices.Clone(columns)}
}

// Print adds a row.
func (t *Table[R]) Print(r R) error {
	if t.held = append(t.held, r); len(t.held) < maxHeld {
		return nil
	}
	return t.Flush()
}

// Flush prints the rows that are held back.
func (t *Table[R]) Flush() error {
	if len(t.held) == 0 {
		return nil
	}
	rows := t.measure()
	t.held = t.held[:0]
	var b strings.Builder
	for _, row := range rows {
		alignRow(&b, row, t.widths, func(i int) bool { return t.columns[i].right })
	}
	_, err := io.WriteString(t.w, b.String())
	return err
}

// measure returns the rows that are held back, and sets the width of each column. The
// first time, the head is the first row. While the rows are too wide, measure leaves out
// columns; but it shortens keys rather than leave out the column with spare 1.
func (t *Table[R]) measure() [][]string {
	first := t.widths == nil
	rows := t.rows(first)
	for first && t.tooWide() > 0 {
		i := t.dispensable(rows)
		if i < 0 || t.columns[i].spare == 1 && t.shortenable() {
			break
		}
		t.columns, t.widths = slices.Delete(t.columns, i, i+1), slices.Delete(t.widths, i, i+1)
		for r := range rows {
			rows[r] = slices.Delete(rows[r], i, i+1)
		}
	}
	t.shortenKeys(rows)
	return rows
}

func (t *Table[R]) rows(withHead bool) [][]string {
	now := t.now()
	var rows [][]string
	if withHead {
		t.widths = nil
		rows = append(rows, make([]string, len(t.columns)))
		for i, col := range t.columns {
			rows[0][i] = col.head
		}
	}
	for _, r := range t.held {
		row := make([]string, len(t.columns))
		for i, col := range t.columns {
			row[i] = col.text(now, r)
		}
		rows = append(rows, row)
	}
	for _, row := range rows {
		t.widths = widen(t.widths, row)
	}
	return rows
}

// tooWide returns by how many columns the rows exceed the terminal.
func (t *Table[R]) tooWide() int {
	if t.limit == 0 {
		return 0
	}
	total := len(gap) * (len(t.widths) - 1)
	for _, w := range t.widths {
		total += w
	}
	return total - t.limit
}

// dispensable returns the index of the column to leave out: an empty column if there is
// one, otherwise the one with the highest spare. It is -1 if no column may be left out.
func (t *Table[R]) dispensable(rows [][]string) int {
	best, order := -1, 0
	for i, col := range t.columns {
		if col.spare == 0 {
			continue
		}
		spare := col.spare
		if !slices.ContainsFunc(rows[1:], func(row []string) bool { return row[i] != "-" && row[i] != "never" }) {
			spare += len(t.columns)
		}
		if spare > order {
			best, order = i, spare
		}
	}
	return best
}

// minKey is how much of a key is always shown.
const minKey = 16

func (t *Table[R]) shortenable() bool { return t.widths[0]-t.tooWide() >= minKey }

// shortenKeys leaves out the middle of long keys if the rows are too wide.
func (t *Table[R]) shortenKeys(rows [][]string) {
	missing := t.tooWide()
	if missing <= 0 || !t.shortenable() {
		return
	}
	t.widths[0] -= missing
	for _, row := range rows {
		row[0] = shorten(row[0], t.widths[0])
	}
}

func shorten(s string, width int) string {
	all := widthOf(s)
	if all <= width {
		return s
	}
	tail := (width - 1) / 2
	end := ansi.TruncateLeft(s, all-tail, "")
	if widthOf(end) > tail { // the cut is within a wide letter
		end = ansi.TruncateLeft(s, all-tail+1, "")
	}
	return ansi.Truncate(s, width-1-tail, "") + "…" + end
}
