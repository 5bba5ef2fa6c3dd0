package sqlitestore

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/checkpointstore/checkpoint/driver"
)

// byHand opens a store, and returns it with a function that changes its file past it.
func byHand(t *testing.T) (d *Driver, run func(statement string, args ...any)) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "checkpoints.db")
	d, err := Open(t.Context(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(5000)&_pragma=synchronous(OFF)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		db.Close()
		d.Close()
	})
	return d, func(statement string, args ...any) {
		t.Helper()
		if _, err := db.ExecContext(t.Context(), statement, args...); err != nil {
			t.Fatal(err)
		}
	}
}

// TestPackedPages: whatever the file holds, a packed page is what reading it
// column by column finds.
func TestPackedPages(t *testing.T) {
	d, run := byHand(t)
	run("DROP TABLE checkpoints")
	run("CREATE TABLE checkpoints (" + columns + ")") // that may hold anything
	const number, at = "00000000000000000012", "2026-01-02T03:04:05.006Z"
	or := func(usual any, others ...any) *rapid.Generator[any] {
		others = append(others, nil, "", separator, "a"+separator+"b", "x\x00y", "\xff\xfe", strings.Repeat("long", 5000),
			[]byte("blob"), []byte{0xff}, []byte{}, 12, 1.5)
		return rapid.OneOf(rapid.Just(usual), rapid.Just(usual), rapid.Just(usual), rapid.Just(usual), rapid.Just(usual),
			rapid.SampledFrom(others))
	}
	values := []*rapid.Generator[any]{
		or(number, []byte(number), number[1:], number+separator+number), or(number, "+"+number[1:]),
		or(at, at+separator+"x"+at), or(nil, at), or(nil, number), or(nil, "log", "l"),
	}
	rapid.Check(t, func(rt *rapid.T) {
		run("DELETE FROM checkpoints")
		for i := range rapid.IntRange(0, 4).Draw(rt, "rows") {
			args := []any{or(fmt.Sprint("k", i), "", separator+fmt.Sprint("k", i), 7, []byte("kk")).Draw(rt, "key")}
			for _, column := range values {
				args = append(args, column.Draw(rt, "column"))
			}
			run("INSERT INTO checkpoints VALUES (?, ?, ?, ?, ?, ?, ?)", args...)
		}
		size := rapid.IntRange(1, 5).Draw(rt, "size")
		got, gotErr := d.readPage(t.Context(), "*", "", size)
		want, wantErr := fillPage("*", "", size, func(each func(*row) error) error {
			return eachRow(context.Background(), d.page, each, "", size)
		})
		if fmt.Sprint(gotErr) != fmt.Sprint(wantErr) || wantErr == nil && !slices.Equal(readable(got), readable(want)) {
			rt.Fatalf("packed: %+v, %v; want %+v, %v", got, gotErr, want, wantErr)
		}
	})
}

// readable has errors as their texts.
func readable(p page) (out []string) {
	for _, r := range p.records {
		err := r.Err
		r.Err = nil
		out = append(out, fmt.Sprintf("%#v %v", r, err))
	}
	return append(out, fmt.Sprintf("%q %v", p.last, p.more))
}

// TestValidPagesArePacked: a page of valid rows need not be read a second time.
func TestValidPagesArePacked(t *testing.T) {
	d, err := Open(t.Context(), filepath.Join(t.TempDir(), "checkpoints.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	var writes []driver.Write
	for i, w := range []driver.Write{{}, {TTL: time.Hour}, {Mark: driver.Mark{Epoch: 1}}, {Mark: driver.Mark{LogID: "a log"}}, {TTL: time.Hour, Mark: driver.Mark{Epoch: 7, LogID: "log"}}} {
		w.Key, w.UpdatedAt = fmt.Sprint("k", i), time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)
		writes = append(writes, w)
	}
	if _, err := d.Write(t.Context(), writes); err != nil {
		t.Fatal(err)
	}
	n := 0
	err = eachPacked(t.Context(), d.packedPage, func(r *row) error {
		n++
		return r.record(time.Now()).Err
	}, "", 100)
	if err != nil || n != len(writes) {
		t.Errorf("%d of %d rows, %v", n, len(writes), err)
	}
}
