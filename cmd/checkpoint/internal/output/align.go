package output

import (
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

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
		widths[i] = max(widths[i], utf8.RuneCountInString(cell))
	}
	return widths
}

func alignRow(b *strings.Builder, row []string, widths []int, right func(i int) bool) {
	for i, cell := range row {
		space := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
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
