package sqlitestore_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/sqlitestore"
)

// fillToDelete stores keys of all kinds: without a checkpoint, damaged, expired, fenced, with a
// damaged fence, with as many entries as a key may have, with late entries only, and with
// what JSON cannot hold.
const fillToDelete = `PRAGMA ignore_check_constraints = ON;
CREATE TEMP TABLE k AS WITH RECURSIVE i (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM i WHERE i < 399)
	SELECT CASE i WHEN 8 THEN CAST(x'ff' AS TEXT) WHEN 16 THEN CAST(x'780079' AS TEXT) ELSE 'k' || i END AS key, i % 8 AS kind FROM i;
INSERT INTO checkpoints (key, commit_position, prepare_position, updated_at, expires_at)
	SELECT key, iif(kind = 2, '7', '00000000000000000007'), '00000000000000000008', '2026-01-01T00:00:00.000Z',
	iif(kind = 3, '2026-01-02T00:00:00.000Z', NULL) FROM k WHERE kind <> 1;
INSERT INTO fences (key, epoch) SELECT key, iif(kind = 5, 'high', '00000000000000000009') FROM k WHERE kind IN (1, 4, 5);
INSERT INTO audit (key, n, at, op, actor, reason)
	WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 256)
	SELECT key, n, '2026-01-01T00:00:00.000Z', 'set', '', '' FROM k, n WHERE kind = 6 OR kind = 7 AND n = 256;
UPDATE audit SET n = 400 WHERE key IN (SELECT key FROM k WHERE kind = 7)`

// deletions are the entries that a Delete of everything is to leave.
const deletions = `SELECT hex(c.key) || ' ' || (1 + ifnull((SELECT max(n) FROM audit a WHERE a.key = c.key), 0)) || ' ' ||
	iif(length(commit_position) = 20, 'C:' || ltrim(commit_position, '0') || '/P:' || ltrim(prepare_position, '0'), 'none') || ' ' || iif(f.epoch = 'high', 'none', ifnull(f.epoch, 'none'))
	FROM checkpoints c LEFT JOIN fences f USING (key) WHERE expires_at IS NULL ORDER BY c.key`

const deleted = "SELECT hex(key) || ' ' || n || ' ' || ifnull(old_position, 'none') || ' ' || ifnull(old_epoch, 'none')" +
	" FROM audit WHERE op = 'delete' AND actor = 'ana' AND new_position IS NULL AND new_epoch IS old_epoch ORDER BY key"

// TestDeleteOfManyKeys: a Delete leaves the same, whether it deletes one key or many, in
// a transaction of its own or of the caller, and whether or not the writer knows the keys.
func TestDeleteOfManyKeys(t *testing.T) {
	type deleter func(context.Context, driver.Driver, []string) (int, error)
	together := func(ctx context.Context, d driver.Driver, keys []string) (int, error) { return d.Delete(ctx, keys) }
	for name, test := range map[string]struct {
		known  bool
		delete deleter
	}{
		"together": {false, together},
		"known":    {true, together},
		"alone": {false, func(ctx context.Context, d driver.Driver, keys []string) (n int, err error) {
			for key := range slices.Chunk(keys, 1) {
				one, err := d.Delete(ctx, key)
				if n += one; err != nil {
					return n, err
				}
			}
			return n, nil
		}},
		"in the caller's transaction": {false, func(ctx context.Context, d driver.Driver, keys []string) (int, error) {
			tx, err := openModel(t, d.(placed).path).BeginTx(ctx, nil)
			if err != nil {
				return 0, err
			}
			n, err := sqlitestore.OnTx(tx).Delete(ctx, keys)
			if err != nil {
				return n, err
			}
			return n, tx.Commit()
		}},
	} {
		t.Run(name, func(t *testing.T) {
			d := openAt(t, filepath.Join(t.TempDir(), "file.db"))
			conn := shell(t, d.path)
			run(t, conn, fillToDelete)
			if test.known {
				for _, key := range texts(t, conn, "SELECT key FROM k WHERE kind IN (0, 6)") {
					_, err := d.Write(t.Context(), []driver.Write{{Key: key, Mode: driver.IfNewer, Mark: driver.Mark{UpdatedAt: someTime, Position: driver.Position{Commit: 9, Prepare: 9}}}})
					if err != nil {
						t.Fatal(err)
					}
				}
			}
			want := texts(t, conn, deletions)
			keys := texts(t, conn, "SELECT key FROM k")
			keys = slices.Concat(keys[:20], []string{"missing"}, keys, keys) // some come again soon, and all late
			n, err := test.delete(driver.WithBy(t.Context(), driver.By{Actor: "ana"}), d, keys)
			if n != 300 || len(want) != n || err != nil {
				t.Errorf("Delete = %d, %v; want %d", n, err, len(want))
			}
			if got := texts(t, conn, deleted); !slices.Equal(got, want) {
				t.Errorf("the entries:\n%q\nwant\n%q", got, want)
			}
			if left := texts(t, conn, "SELECT key FROM checkpoints WHERE expires_at IS NULL"); len(left) != 0 {
				t.Errorf("checkpoints are left: %q", left)
			}
			if most := texts(t, conn, "SELECT max(n) FROM (SELECT count(*) AS n FROM audit GROUP BY key)"); most[0] != fmt.Sprint(driver.AuditEntries) {
				t.Errorf("a key has %s entries", most[0])
			}
			if fences := texts(t, conn, "SELECT count(*) FROM fences"); fences[0] != "150" {
				t.Errorf("%s fences are left, want 150", fences[0])
			}
		})
	}
}

// TestDeleteReadsManyKeysAtOnce: reading by a statement for each key would allocate more than
// deleting does.
func TestDeleteReadsManyKeysAtOnce(t *testing.T) {
	d := openAt(t, filepath.Join(t.TempDir(), "file.db"))
	const runs, n, most = 3, 1000, 40
	var batches [][]string
	for batch := range 1 + runs { // the first run is not counted
		keys, writes := make([]string, n), make([]driver.Write, n)
		for i := range keys {
			keys[i] = fmt.Sprintf("%d/%d", batch, i)
			writes[i] = driver.Write{Key: keys[i], Mode: driver.IfNewer, Mark: driver.Mark{UpdatedAt: someTime}}
		}
		if _, err := d.Write(t.Context(), writes); err != nil {
			t.Fatal(err)
		}
		batches = append(batches, keys)
	}
	allocations := testing.AllocsPerRun(runs, func() {
		if deleted, err := d.Delete(t.Context(), batches[0]); deleted != n || err != nil {
			t.Fatal(deleted, err)
		}
		batches = batches[1:]
	})
	if allocations > most*n {
		t.Errorf("Delete makes %v allocations for a key, want %d at most", allocations/n, most)
	}
}

func texts(t *testing.T, conn *sql.Conn, query string) (found []string) {
	t.Helper()
	rows, err := conn.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		found = append(found, s)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return found
}
