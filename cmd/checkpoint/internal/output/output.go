// Package output prints what the command found: a table for people, plain
// columns for pipes, JSON for programs.
package output

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"golang.org/x/term"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/transfer"
	"github.com/checkpointstore/checkpoint/driver"
)

// Formats is what New understands, except "".
const Formats = "table, wide or json"

// IsTerminal reports whether w is a terminal.
func IsTerminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Width returns how many columns the terminal w has, or 0 if w is none.
func Width(w any) int {
	f, ok := w.(*os.File)
	if !ok {
		return 0
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return width
}

// A Printer prints checkpoints, one after another.
type Printer interface {
	Print(checkpoint.Checkpoint) error
	// Flush prints the rows that are held back for alignment.
	Flush() error
}

// New returns a printer of the given format. A "table" is aligned, has a head and human
// ages, and leaves out columns on a terminal that is too narrow. A "wide" table has every
// column and exact times. The format "" is "table" on a terminal; otherwise it prints
// columns that are separated by tabs, without a head.
func New(w io.Writer, format string) (Printer, error) {
	switch format {
	case "json":
		return jsonLines{w}, nil
	case "wide":
		return newTable(w, time.Now, 0, wideColumns), nil
	case "table":
		return NewTable(w, time.Now, Width(w)), nil
	case "":
		if IsTerminal(w) {
			return NewTable(w, time.Now, Width(w)), nil
		}
		return plain{w}, nil
	}
	return nil, fmt.Errorf("-o is %q: want %s", format, Formats)
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
