package sqlitestore

import (
	"database/sql"
	"errors"
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

// looseTable replaces the table of the checkpoints by one that may hold anything, even keys
// out of order.
func looseTable(run func(statement string, args ...any)) {
	run("DROP TABLE checkpoints")
	run("CREATE TABLE checkpoints (" + columns + ")")
}

// looseRows draws rows of it.
func looseRows(rt *rapid.T, run func(statement string, args ...any)) {
	const number, at, passed = "00000000000000000012", "2999-01-02T03:04:05.006Z", "2026-01-02T03:04:05.006Z"
	or := func(usual any, others ...any) *rapid.Generator[any] {
		usually := slices.Repeat([]*rapid.Generator[any]{rapid.Just(usual)}, 5)
		others = append(others, nil, "", "x\x00y", "\xff\xfe", strings.Repeat("long", 5000),
			[]byte("blob"), []byte{0xff}, []byte{}, 12, 1.5)
		return rapid.OneOf(append(usually, rapid.SampledFrom(others))...)
	}
	values := []*rapid.Generator[any]{
		or(number, []byte(number), number[1:]), or(number, "+"+number[1:]), or(passed, at, passed[1:]),
		or(nil, at, passed), or(nil, number), or(nil, "log", "l"),
	}
	run("DELETE FROM checkpoints")
	for i := range rapid.IntRange(0, 4).Draw(rt, "rows") {
		args := []any{or(fmt.Sprint("k", i), "", 7, []byte("kk")).Draw(rt, "key")}
		for _, column := range values {
			args = append(args, column.Draw(rt, "column"))
		}
		run("INSERT INTO checkpoints VALUES (?, ?, ?, ?, ?, ?, ?)", args...)
	}
}

// TestShortcutsReadTheSame: whatever the file holds, a Get, a Get of many keys and a scan
// answer as database/sql does, also from memory.
func TestShortcutsReadTheSame(t *testing.T) {
	d, run := byHand(t)
	looseTable(run)
	plain, err := Open(t.Context(), d.path, &Options{NoShortcuts: true})
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	keys := []string{"k0", "k1", "k2", "k3", "", "7", "kk", "blob", "x\x00y", "none"}
	hits := 0
	rapid.Check(t, func(rt *rapid.T) {
		looseRows(rt, run)
		size := rapid.IntRange(1, 5).Draw(rt, "size")
		same(rt, "scan", func(d *Driver) (records []driver.Record, err error) {
			for page, err := range d.ScanRecords(t.Context(), "*", size) {
				if err != nil {
					return records, err
				}
				records = append(records, page...)
			}
			return records, nil
		}, d, plain)
		same(rt, "many", func(d *Driver) ([]driver.Record, error) { return d.Get(t.Context(), keys) }, d, plain)
		for _, key := range keys {
			get := func(d *Driver) ([]driver.Record, error) { return d.Get(t.Context(), []string{key}) }
			same(rt, key, get, d, plain)
			if _, ok := d.kept.get(key); ok {
				hits++
				same(rt, key+" from memory", get, d, plain)
			}
		}
	})
	if hits == 0 {
		t.Error("no checkpoint was read from memory: this proves nothing")
	}
}

func same(rt *rapid.T, what string, read func(*Driver) ([]driver.Record, error), got, want *Driver) {
	a, aErr := read(got)
	b, bErr := read(want)
	if fmt.Sprint(aErr) != fmt.Sprint(bErr) || !slices.Equal(readable(a), readable(b)) {
		rt.Fatalf("%s: %+v, %v; want %+v, %v", what, a, aErr, b, bErr)
	}
}

// readable has errors as their texts.
func readable(records []driver.Record) (out []string) {
	for _, r := range records {
		err := r.Err
		r.Err = nil
		out = append(out, fmt.Sprintf("%#v %v", r, err))
	}
	return out
}

// TestShortcutsAreTaken: sound checkpoints need not be read a second time.
func TestShortcutsAreTaken(t *testing.T) {
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
	for _, w := range writes {
		mustWrite(t, d, w)
	}
	if _, err := d.Get(t.Context(), []string{"k0"}); err != nil {
		t.Fatal(err)
	}
	d.readers.Close() // database/sql reads nothing from here on
	for range 2 {
		for _, w := range writes {
			if records, err := d.Get(t.Context(), []string{w.Key}); err != nil || records[0].Err != nil {
				t.Errorf("Get %s: %+v, %v", w.Key, records, err)
			}
		}
	}
	for _, w := range writes {
		if _, ok := d.kept.get(w.Key); !ok {
			t.Errorf("%s is not kept", w.Key)
		}
	}
	if records, err := d.Get(t.Context(), []string{"none"}); err != nil || !errors.Is(records[0].Err, driver.ErrNotFound) {
		t.Errorf("Get of a key that is not there: %+v, %v", records, err)
	}
	n := 0
	for page, err := range d.ScanRecords(t.Context(), "*", 2) {
		if err != nil {
			t.Fatal(err)
		}
		n += len(page)
	}
	if n != len(writes) {
		t.Errorf("%d checkpoints, want %d", n, len(writes))
	}
}
