//go:build unix

package sqlitestore_test

import (
	"fmt"
	"strings"
	"testing"

	sqlite3 "modernc.org/sqlite/lib"

	"github.com/checkpointstore/checkpoint"
)

// TestOnTxSaysWhatToDoOfAFullDisk: a transaction that is too large for SQLite's
// cache meets the disk before it is committed.
func TestOnTxSaysWhatToDoOfAFullDisk(t *testing.T) {
	for _, c := range []struct {
		fault fault
		want  string
	}{
		{fault{name: "full", code: sqlite3.SQLITE_FULL, calls: callWrite}, "make room on its disk"},
		{fault{name: "broken", calls: callWrite}, "limit of the file size"},
	} {
		t.Run(c.fault.name, func(t *testing.T) {
			failingVFS(t)
			store, path := newStore(t)
			db := openFile(t, path, "?_txlock=immediate&_pragma=cache_size(10)")
			_, within := begin(t, db)
			disk.arm(&c.fault, 1)
			defer disk.disarm()
			key := func(i int) string { return fmt.Sprintf("%s/%d", strings.Repeat("k", 400), i) }
			var err error
			for i := 0; err == nil; i++ {
				if i == 10_000 {
					t.Fatal("10,000 writes met no disk")
				}
				err = within.Set(t.Context(), key(i), checkpoint.Position{Commit: 1})
			}
			if isNotFound(err) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("the error is %v; want one that says %q", err, c.want)
			}
			disk.disarm()
			if _, err := store.Get(t.Context(), key(0)); !isNotFound(err) {
				t.Errorf("what was not committed: %v", err)
			}
		})
	}
}
