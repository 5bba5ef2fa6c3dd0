package output

import (
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

// widthOf is how many columns of a terminal a text takes.
func widthOf(s string) int {
	if utf8.RuneCountInString(s) == len(s) {
		return len(s)
	}
	return ansi.StringWidth(s)
}

// align prints rows in columns. The columns of right are aligned as numbers are.
func align(w io.Writer, rows [][]string, right ...int) error {
	var widths []int
	for _, row := range rows {
		widths = widen(widths, row)
	}
	var b strings.Builder
	for _, row := range rows {
		alignRow(&b, row, widths, func(i int) bool { return slices.Contains(right, i) })
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// widen returns the widths of the columns if row is one of the rows, too.
func widen(widths []int, row []string) []int {
	for i, cell := range row {
		if i == len(widths) {
			widths = append(widths, 0)
		}
		widths[i] = max(widths[i], widthOf(cell))
	}
	return widths
}

func alignRow(b *strings.Builder, row []string, widths []int, right func(i int) bool) {
	for i, cell := range row {
		space := strings.Repeat(" ", max(0, widths[i]-widthOf(cell)))
		last := i == len(row)-1
		switch {
		case right(i):
			b.WriteString(space + cell)
		case last:
			b.WriteString(cell)
		default:
			b.WriteString(cell + space)
		}
		if !last {
			b.WriteString(gap)
		}
	}
	b.WriteByte('\n')
}
