package sqlitestore_test

import (
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/sqlitestore"
)

// TestKnownRowsAreWrittenAsOthers: a writer that knows what is stored changes
// only what differs. Its rows are those of one that knows nothing, which is the
// one of a caller's transaction.
func TestKnownRowsAreWrittenAsOthers(t *testing.T) {
	knowing := openAt(t, filepath.Join(t.TempDir(), "knowing.db"))
	other := openAt(t, filepath.Join(t.TempDir(), "other.db"))
	db := openFile(t, other.path, "?_txlock=immediate&_pragma=busy_timeout(5000)")
	seen := openFile(t, knowing.path, "?_pragma=busy_timeout(5000)")
	start := time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)
	modes := []driver.Mode{driver.Set, driver.IfNewer, driver.IfNewer, driver.IfNewer, driver.Rewind}
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		for i := range rapid.IntRange(2, 8).Draw(rt, "writes") {
			commit := rapid.Uint64Range(0, 3).Draw(rt, "commit")
			writes := []driver.Write{{
				Key:       fmt.Sprint("k", n, "/", rapid.IntRange(0, 1).Draw(rt, "key")),
				Mode:      rapid.SampledFrom(modes).Draw(rt, "mode"),
				Position:  driver.Position{Commit: commit, Prepare: commit},
				UpdatedAt: start.Add(time.Duration(i) * time.Second),
				TTL:       rapid.SampledFrom([]time.Duration{0, 0, time.Hour}).Draw(rt, "ttl"),
				Epoch:     rapid.SampledFrom([]uint64{0, 0, 1, 1, 2}).Draw(rt, "epoch"),
				LogID:     rapid.SampledFrom([]string{"", "", "log", "another"}).Draw(rt, "log"),
			}}
			got, err := knowing.Write(t.Context(), writes)
			if err != nil {
				rt.Fatal(err)
			}
			if want := inTransaction(t, db, writes); !slices.Equal(got, want) {
				rt.Fatalf("%+v: %+v; want %+v", writes[0], got, want)
			}
			key := writes[0].Key
			if got, want := contentOf(t, seen, key), contentOf(t, db, key); got != want {
				rt.Fatalf("%+v leaves %q; want %q", writes[0], got, want)
			}
		}
	})
}

func inTransaction(t *testing.T, db *sql.DB, writes []driver.Write) []driver.Result {
	t.Helper()
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	results, err := sqlitestore.OnTx(tx).Write(t.Context(), writes)
	if err == nil {
		err = tx.Commit()
	}
	if err != nil {
		t.Fatal(err)
	}
	return results
}

// contentOf is the row of key but for when it expires.
func contentOf(t *testing.T, db *sql.DB, key string) (row string) {
	t.Helper()
	err := db.QueryRowContext(t.Context(), `SELECT concat_ws('|', commit_position, prepare_position, updated_at,
		expires_at IS NULL, ifnull(epoch, 'NULL'), ifnull(log_id, 'NULL'))
		FROM checkpoints WHERE key = ?`, key).Scan(&row)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		t.Fatal(err)
	}
	return row
}
