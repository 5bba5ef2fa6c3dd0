// Package output prints what the command found: a table for people, plain
// columns for pipes, JSON for programs.
package output

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/term"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/transfer"
	"github.com/checkpointstore/checkpoint/driver"
)

// Formats is what New understands.
const Formats = "table or json"

// IsTerminal reports whether w is a terminal.
func IsTerminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// A Printer prints checkpoints, one after another.
type Printer interface {
	Print(checkpoint.Checkpoint) error
	// Flush prints what is held back for alignment.
	Flush() error
}

// New returns a printer of the given format. A table is aligned, with a head
// and human ages, if w is a terminal; else its columns are divided by tabs,
// and its times are exact.
func New(w io.Writer, format string) (Printer, error) {
	switch {
	case format == "json":
		return jsonLines{w}, nil
	case format != "table":
		return nil, fmt.Errorf("-o is %q: want %s", format, Formats)
	case IsTerminal(w):
		return NewTable(w, time.Now), nil
	}
	return plain{w}, nil
}

type jsonLines struct{ w io.Writer }

func (p jsonLines) Print(c checkpoint.Checkpoint) error {
	_, err := p.w.Write(transfer.Encode(c))
	return err
}

func (jsonLines) Flush() error { return nil }

type plain struct{ w io.Writer }

func (p plain) Print(c checkpoint.Checkpoint) error {
	_, err := fmt.Fprintf(p.w, "%s\t%d\t%d\t%s\t%s\t%s\n", c.Key, c.Position.Commit, c.Position.Prepare,
		exact(c.UpdatedAt), exact(c.ExpiresAt), epoch(c.Epoch))
	return err
}

func (plain) Flush() error { return nil }

func exact(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(driver.TimeLayout)
}

func epoch(n uint64) string {
	if n == 0 {
		return "-"
	}
	return strconv.FormatUint(n, 10)
}

// A Table holds rows back until it has enough of them to know their widths.
type Table struct {
	w      io.Writer
	now    func() time.Time
	rows   [][]string
	widths []int
}

var head = []string{"KEY", "COMMIT", "PREPARE", "UPDATED", "EXPIRES", "EPOCH"}

// rightAligned are the columns of numbers.
var rightAligned = []bool{false, true, true, false, false, true}

// maxHeld bounds how many rows are held back.
const maxHeld = 1000

// NewTable returns a table as for a terminal.
func NewTable(w io.Writer, now func() time.Time) *Table {
	return &Table{w: w, now: now}
}

// Print adds a row.
func (t *Table) Print(c checkpoint.Checkpoint) error {
	now := t.now()
	t.rows = append(t.rows, []string{
		c.Key, strconv.FormatUint(c.Position.Commit, 10), strconv.FormatUint(c.Position.Prepare, 10),
		Ago(now, c.UpdatedAt), Ahead(now, c.ExpiresAt), epoch(c.Epoch),
	})
	if len(t.rows) < maxHeld {
		return nil
	}
	return t.Flush()
}

// Flush prints the rows that are held back.
func (t *Table) Flush() error {
	if len(t.rows) == 0 {
		return nil
	}
	var b strings.Builder
	first := t.widths == nil
	if first {
		t.widths = make([]int, len(head))
		t.rows = append([][]string{head}, t.rows...)
	}
	for _, row := range t.rows {
		for i, cell := range row {
			t.widths[i] = max(t.widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, row := range t.rows {
		for i, cell := range row {
			gap := strings.Repeat(" ", t.widths[i]-utf8.RuneCountInString(cell))
			switch {
			case rightAligned[i]:
				b.WriteString(gap + cell)
			case i == len(row)-1:
				b.WriteString(cell)
			default:
				b.WriteString(cell + gap)
			}
			if i < len(row)-1 {
				b.WriteString("  ")
			}
		}
		b.WriteByte('\n')
	}
	t.rows = t.rows[:0]
	_, err := io.WriteString(t.w, b.String())
	return err
}
