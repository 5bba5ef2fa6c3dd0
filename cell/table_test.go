package cell_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/checkpointstore/checkpoint/cell"
	"github.com/checkpointstore/checkpoint/driver"
)

var update = flag.Bool("update", false, "rewrite the answers in testdata from what the rules say now")

// TestTables holds the rules to the tables in testdata.
func TestTables(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join("testdata", "*.txt"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("%d tables, %v", len(paths), err)
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			got := run(t, string(text))
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want := strings.Split(string(text), "\n")
			for i, line := range strings.Split(got, "\n") {
				if i >= len(want) || line != want[i] {
					t.Errorf("%s:%d: the rules say\n%s", path, i+1, line)
				}
			}
		})
	}
}

// run answers a table: lines "given", "when", "then" and "after" in this order,
// the last two from the rules. Every other line stays.
func run(t *testing.T, text string) string {
	t.Helper()
	var out []string
	var given, after cell.Cell
	var answer string
	for n, line := range strings.Split(text, "\n") {
		verb, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		rest = strings.TrimSpace(rest)
		if !strings.HasPrefix(line, "  ") {
			verb = ""
		}
		var err error
		switch verb {
		case "given":
			var c driver.Cell
			c, err = parseCell(rest)
			given = cell.Cell(c)
			if shown := showCell(c); err == nil && shown != rest {
				t.Errorf("line %d: write %q as %q", n+1, rest, shown)
			}
		case "when":
			after, answer, err = do(given, rest)
		case "then":
			line = "  then   " + answer
		case "after":
			line = "  after  " + showCell(driver.Cell(after))
			if after == given {
				line = "  after  the same"
			}
		}
		if err != nil {
			t.Errorf("line %d: %v", n+1, err)
		}
		out = append(out, line)
	}
	return strings.Join(out, "\n")
}
