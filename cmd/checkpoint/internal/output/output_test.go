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
	table := output.NewTable(&b, func() time.Time { return now }, 0)
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

// A table holds back a bounded number of rows, whatever its length.
func TestTableIsStreamed(t *testing.T) {
	var b bytes.Buffer
	table := output.NewTable(&b, time.Now, 0)
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

// A narrow terminal gets fewer columns, then shorter keys, and never less of a
// position.
func TestTableFitsTheTerminal(t *testing.T) {
	const big = 1152921504607112887
	c := checkpoint.Checkpoint{
		Key:  "demo/customers",
		Mark: checkpoint.Mark{Position: checkpoint.Position{Commit: big, Prepare: big}, UpdatedAt: now, Epoch: 2},
	}
	expiring := c
	expiring.ExpiresAt = now.Add(time.Hour)
	long := c
	long.Key = "billing/invoices/europe/north/1"
	wide := c
	wide.Key = "注文/請求書/欧州/北部/第一/二号"
	for _, test := range []struct {
		width int
		c     checkpoint.Checkpoint
		want  string
	}{
		{200, c, "demo/customers  1152921504607112887  1152921504607112887  just now  never        2"},
		{82, c, "demo/customers  1152921504607112887  1152921504607112887  just now  never        2"},
		{80, c, "demo/customers  1152921504607112887  1152921504607112887  just now      2"},
		{80, expiring, "demo/customers  1152921504607112887  1152921504607112887  just now      2"},
		{80, long, "billing/invoic…urope/north/1  1152921504607112887  1152921504607112887  just now"},
		{80, wide, "注文/請求書/欧…部/第一/二号   1152921504607112887  1152921504607112887  just now"},
		{70, c, "demo/customers  1152921504607112887  1152921504607112887  just now"},
		{60, c, "demo/customers  1152921504607112887  1152921504607112887"},
		{10, c, "demo/customers  1152921504607112887  1152921504607112887"},
	} {
		var b bytes.Buffer
		table := output.NewTable(&b, func() time.Time { return now }, test.width)
		if err := table.Print(test.c); err != nil {
			t.Fatal(err)
		}
		if err := table.Flush(); err != nil {
			t.Fatal(err)
		}
		if got := strings.Split(b.String(), "\n")[1]; got != test.want {
			t.Errorf("with %d columns the row is\n%s, want\n%s", test.width, got, test.want)
		}
	}
}
