package output_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/output"
)

var now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func TestTable(t *testing.T) {
	var b bytes.Buffer
	table := output.NewTable(&b, func() time.Time { return now })
	for _, c := range []checkpoint.Checkpoint{
		{
			Key: "order-processor",
			Mark: checkpoint.Mark{
				Position: checkpoint.Position{Commit: 1<<64 - 1, Prepare: 7}, UpdatedAt: now.Add(-3 * time.Minute), Epoch: 12,
			},
		},
		{Key: "bücher", Mark: checkpoint.Mark{Position: checkpoint.Position{Commit: 5, Prepare: 1200}}, ExpiresAt: now.Add(36 * time.Hour)},
	} {
		if err := table.Print(c); err != nil {
			t.Fatal(err)
		}
	}
	if err := table.Flush(); err != nil {
		t.Fatal(err)
	}
	want := strings.TrimPrefix(`
KEY                            COMMIT  PREPARE  UPDATED  EXPIRES  EPOCH
order-processor  18446744073709551615        7  3m ago   never       12
bücher                              5     1200  -        in 36h       -
`, "\n")
	if b.String() != want {
		t.Errorf("the table is\n%swant\n%s", b.String(), want)
	}
}

// A table of any length holds no more than some rows back.
func TestTableIsStreamed(t *testing.T) {
	var b bytes.Buffer
	table := output.NewTable(&b, time.Now)
	for range 1500 {
		if err := table.Print(checkpoint.Checkpoint{Key: "k"}); err != nil {
			t.Fatal(err)
		}
	}
	if n := strings.Count(b.String(), "\n"); n != 1001 {
		t.Errorf("%d lines were printed before the end, want the head and 1000 rows", n)
	}
	if err := table.Flush(); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(b.String(), "\n"); n != 1501 || strings.Count(b.String(), "KEY") != 1 {
		t.Errorf("%d lines were printed, want one head and 1500 rows", n)
	}
}

func TestAges(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "just now", 999 * time.Millisecond: "just now", time.Second: "1s ago", 59 * time.Second: "59s ago",
		time.Minute: "1m ago", 60 * time.Minute: "1h ago", 47 * time.Hour: "47h ago", 48 * time.Hour: "2d ago",
		364 * 24 * time.Hour: "364d ago", 800 * 24 * time.Hour: "2y ago",
		-time.Second: "just now", -5 * time.Minute: "in 5m", // clocks differ
	} {
		if got := output.Ago(now, now.Add(-d)); got != want {
			t.Errorf("Ago of %v = %q, want %q", d, got, want)
		}
	}
	for d, want := range map[time.Duration]string{0: "now", 5 * time.Minute: "in 5m", 30 * time.Hour: "in 30h"} {
		if got := output.Ahead(now, now.Add(d)); got != want {
			t.Errorf("Ahead of %v = %q, want %q", d, got, want)
		}
	}
	if output.Ago(now, time.Time{}) != "-" || output.Ahead(now, time.Time{}) != "never" {
		t.Error("the zero time has an age")
	}
}
