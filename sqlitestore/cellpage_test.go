package sqlitestore

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/checkpointstore/checkpoint/driver"
)

// TestPackedCells: whatever the file holds, a scan of packed pages finds what reading the
// file column by column finds.
func TestPackedCells(t *testing.T) {
	d, run := byHand(t)
	const number, at, expired = "00000000000000000012", "2999-01-02T03:04:05.006Z", "2026-01-02T03:04:05.006Z"
	or := func(usual any, others ...any) *rapid.Generator[any] {
		usually := slices.Repeat([]*rapid.Generator[any]{rapid.Just(usual)}, 30)
		others = append(others, nil, "", separator, "a"+separator+"b", "\xff\xfe", []byte("blob"), 12)
		return rapid.OneOf(append(usually, rapid.SampledFrom(others))...)
	}
	tables := []struct {
		name, columns string
		values        []*rapid.Generator[any]
	}{
		{"checkpoints", columns, []*rapid.Generator[any]{or(number), or(number), or(expired), or(nil, at, expired), or(nil, number), or(nil, "log")}},
		{"fences", "key, " + fenceColumns, []*rapid.Generator[any]{or(number), or(number+" "+at, nil)}},
		{"leases", "key, " + leaseColumns, []*rapid.Generator[any]{or("host-1"), or(number), or(at), or(expired, nil)}},
	}
	for _, table := range tables {
		run("DROP TABLE " + table.name)
		run("CREATE TABLE " + table.name + " (" + strings.Replace(table.columns, "key", "key PRIMARY KEY", 1) + ") WITHOUT ROWID")
	}
	rapid.Check(t, func(rt *rapid.T) {
		for _, table := range tables {
			run("DELETE FROM " + table.name)
			places := "?" + strings.Repeat(", ?", len(table.values))
			for i := range 9 {
				if !rapid.Bool().Draw(rt, table.name) {
					continue
				}
				args := []any{fmt.Sprint("k", i)}
				for _, value := range table.values {
					args = append(args, value.Draw(rt, "column"))
				}
				run("INSERT INTO "+table.name+" VALUES ("+places+")", args...)
			}
		}
		size := rapid.IntRange(1, 10).Draw(rt, "size")
		pattern := rapid.SampledFrom([]string{"*", "k[0-4]", "k3"}).Draw(rt, "pattern")
		got, want := allCells(rt, d.readCellPage, pattern, size), allCells(rt, d.plainCellPage, pattern, size)
		if !slices.Equal(got, want) {
			rt.Fatalf("packed:\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	})
}

// allCells reads page after page, and has errors as their texts.
func allCells(
	rt *rapid.T, read func(ctx context.Context, pattern, next string, size int) (cellPage, error), pattern string, size int,
) (all []string) {
	for next, more := "", true; more; {
		p, err := read(context.Background(), pattern, next, size)
		if err != nil {
			rt.Fatal(err)
		}
		for _, c := range p.cells {
			all = append(all, fmt.Sprintf("%+v", c))
		}
		next, more = p.last+"\x00", p.more
	}
	return all
}

// TestValidCellsArePacked: a page of valid cells need not be read a second time.
func TestValidCellsArePacked(t *testing.T) {
	d, err := Open(t.Context(), filepath.Join(t.TempDir(), "checkpoints.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if _, err := d.Acquire(t.Context(), []driver.Lease{{Key: "leased", Owner: "host-1", TTL: 1 << 40}, {Key: "both", Owner: "host-1", TTL: 1 << 40}}); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Write(t.Context(), []driver.Write{{Key: "both"}, {Key: "plain"}}); err != nil {
		t.Fatal(err)
	}
	p, err := d.packedCellPage(t.Context(), "*", "", 100)
	var keys []string
	for _, c := range p.cells {
		keys = append(keys, c.Key)
	}
	if want := []string{"both", "leased", "plain"}; err != nil || p.more || !slices.Equal(keys, want) {
		t.Errorf("the page has %q, %v, %v; want %q", keys, p.more, err, want)
	}
}

// TestNullIsDamage: a checkpoint with a NULL where none may be is damaged, not absent.
func TestNullIsDamage(t *testing.T) {
	d, err := Open(t.Context(), filepath.Join(t.TempDir(), "checkpoints.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for _, statement := range []string{
		"DROP TABLE checkpoints", "CREATE TABLE checkpoints (" + columns + ")", "INSERT INTO checkpoints (key) VALUES ('k')",
	} {
		if _, err := d.first.conn.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	cells, err := d.Inspect(t.Context(), []string{"k"})
	if err != nil || !cells[0].Checkpoint.Exists || cells[0].Checkpoint.Err == nil {
		t.Errorf("Inspect: %+v, %v", cells, err)
	}
	for page, err := range d.ScanCells(t.Context(), "*", 10) {
		if err != nil || len(page) != 1 || page[0] != cells[0] && page[0].Checkpoint.Err.Error() != cells[0].Checkpoint.Err.Error() {
			t.Errorf("ScanCells: %+v, %v", page, err)
		}
	}
}
