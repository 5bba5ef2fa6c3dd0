package output_test

import (
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"

	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/output"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/watch"
)

// TestScreen: the columns of a row stand below their heads, whatever the letters of its key
// are, and fit on the screen.
func TestScreen(t *testing.T) {
	var rows []*watch.Row
	for i, key := range []string{"orders", strings.Repeat("long/", 40), "注文/請求書/欧州/北部/第一", "👩‍👩‍👧/e\u0301", "a\x1b[2J"} {
		r := &watch.Row{Key: key, State: watch.Idle}
		r.Cell.Checkpoint.Exists, r.Cell.Checkpoint.Position.Commit = true, uint64(1)<<(10*i)
		rows = append(rows, r)
	}
	for _, width := range []int{40, 80, 200} {
		s := output.NewScreen(rows, width, func(string) string { return "▁█·" })
		key, _, _ := strings.Cut(s.Head(), "STATE")
		for _, r := range rows {
			line := s.Row(r)
			before, _, ok := strings.Cut(line, "idle")
			if !ok || ansi.StringWidth(before) != len(key) || ansi.StringWidth(line) > width || strings.Contains(line, "\x1b") {
				t.Errorf("with %d columns the rows are\n%s\n%s", width, s.Head(), line)
			}
		}
		if head := s.Head(); width >= 80 && !strings.HasSuffix(head, "TREND") {
			t.Errorf("with %d columns there is no trend: %s", width, head)
		}
	}
}
