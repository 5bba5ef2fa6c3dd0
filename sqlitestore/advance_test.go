package sqlitestore_test

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/sqlitestore"
)

const past = "'2020-01-01T00:00:00.000Z'"

// byHand are what somebody else does to a key. What has expired stays so, for it
// may have been purged.
var byHand = []string{
	"UPDATE checkpoints SET expires_at = " + past + " WHERE key = ?",
	"UPDATE checkpoints SET expires_at = '0' WHERE key = ? AND expires_at IS NOT " + past,
	"UPDATE checkpoints SET expires_at = NULL WHERE key = ? AND expires_at IS NOT " + past,
	"UPDATE checkpoints SET epoch = NULL WHERE key = ?",
	"UPDATE checkpoints SET epoch = '7' WHERE key = ?",
	"UPDATE checkpoints SET commit_position = '7' WHERE key = ?",
	"UPDATE checkpoints SET updated_at = 'today' WHERE key = ?",
	"UPDATE checkpoints SET log_id = 'log' WHERE key = ?",
	"UPDATE checkpoints SET log_id = NULL WHERE key = ?",
	"DELETE FROM checkpoints WHERE key = ?",
	"UPDATE fences SET epoch = 'many' WHERE key = ?",
	"DELETE FROM fences WHERE key = ?",
}

// TestKnownRowsAreWrittenAsOthers: a writer that knows what is stored changes
// only what differs. Its answers and its rows are those of one that knows
// nothing, which is the one of a caller's transaction.
func TestKnownRowsAreWrittenAsOthers(t *testing.T) {
	knowing := openAt(t, filepath.Join(t.TempDir(), "knowing.db"))
	other := openAt(t, filepath.Join(t.TempDir(), "other.db"))
	db := openFile(t, other.path, "?_txlock=immediate&_pragma=busy_timeout(5000)")
	hands := []*sql.Conn{shell(t, knowing.path), shell(t, other.path)}
	for _, conn := range hands {
		run(t, conn, "PRAGMA ignore_check_constraints = ON")
	}
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		keys := rapid.SampledFrom([]string{fmt.Sprint("k", n, "/0"), fmt.Sprint("k", n, "/1")})
		for range rapid.IntRange(2, 8).Draw(rt, "steps") {
			switch rapid.SampledFrom([]string{"write", "write", "write", "delete", "by hand"}).Draw(rt, "step") {
			case "write":
				writes := rapid.SliceOfN(someWrite(keys), 1, 3).Draw(rt, "writes")
				got, err := knowing.Write(t.Context(), writes)
				if err != nil {
					rt.Fatal(err)
				}
				if got, want := answers(got), answers(inTransaction(t, db, writes)); got != want {
					rt.Fatalf("%+v: %s; want %s", writes, got, want)
				}
			case "delete":
				key := keys.Draw(rt, "key")
				if _, err := knowing.Delete(t.Context(), []string{key}); err != nil {
					rt.Fatal(err)
				}
				run(t, hands[1], "DELETE FROM checkpoints WHERE key = ?", key)
			case "by hand":
				statement, key := rapid.SampledFrom(byHand).Draw(rt, "statement"), keys.Draw(rt, "key")
				for _, conn := range hands {
					run(t, conn, statement, key)
				}
			}
			prefix := fmt.Sprint("k", n, "/")
			if got, want := contentOf(t, hands[0], prefix), contentOf(t, hands[1], prefix); got != want {
				rt.Fatalf("%q is stored; want %q", got, want)
			}
		}
	})
}

func someWrite(keys *rapid.Generator[string]) *rapid.Generator[driver.Write] {
	modes := []driver.Mode{driver.Set, driver.IfNewer, driver.IfNewer, driver.IfNewer, driver.Rewind, driver.Touch}
	return rapid.Custom(func(t *rapid.T) driver.Write {
		commit := rapid.Uint64Range(0, 3).Draw(t, "commit")
		return driver.Write{
			Key:  keys.Draw(t, "key"),
			Mode: rapid.SampledFrom(modes).Draw(t, "mode"),
			Mark: driver.Mark{Position: driver.Position{Commit: commit, Prepare: rapid.Uint64Range(0, 1).Draw(t, "prepare")}, UpdatedAt: time.Date(2026, 1, 2, 0, 0, rapid.IntRange(0, 9).Draw(t, "second"), 0, time.UTC), Epoch: rapid.SampledFrom([]uint64{0, 0, 1, 1, 2, 1<<64 - 1}).Draw(t, "epoch"), LogID: rapid.SampledFrom([]string{"", "", "log", "another"}).Draw(t, "log")},
			TTL:  rapid.SampledFrom([]time.Duration{0, 0, time.Hour}).Draw(t, "ttl"),
		}
	})
}

func answers(results []driver.Result) string {
	var b strings.Builder
	for _, r := range results {
		fmt.Fprintf(&b, "%v %d %v; ", r.Outcome, r.Epoch, r.Err)
	}
	return b.String()
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

// contentOf is the rows that have not expired of the keys that begin with prefix,
// but for when they will, and their fences.
func contentOf(t *testing.T, conn *sql.Conn, prefix string) (rows string) {
	t.Helper()
	err := conn.QueryRowContext(t.Context(), `SELECT ifnull(group_concat(line, char(10)), '') FROM (
		SELECT concat_ws('|', key, commit_position, prepare_position, updated_at,
			CASE WHEN expires_at > '2026' THEN 'later' ELSE ifnull(expires_at, 'NULL') END,
			ifnull(epoch, 'NULL'), ifnull(log_id, 'NULL')) AS line FROM checkpoints
			WHERE key GLOB ?1 || '*' AND expires_at IS NOT `+past+`
		UNION ALL SELECT concat_ws('|', 'fence', key, epoch) FROM fences WHERE key GLOB ?1 || '*' ORDER BY 1)`,
		prefix).Scan(&rows)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}
