package sqlitestore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
)

const manyExpired = 3500

// openWithExpired opens a store with many rows that have expired, and as many
// as one step of the purge looks at whose expiry is damaged, before them and
// among them by order of the expiry. It returns the keys of those.
func openWithExpired(t *testing.T) (*Driver, *sql.DB, []string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "checkpoints.db")
	d, err := Open(t.Context(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	db, err := sql.Open("sqlite", dsn(path, "_pragma=busy_timeout(5000)", "_pragma=ignore_check_constraints(1)"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	insert := func(key, expiresAt string) {
		t.Helper()
		if _, err := tx.ExecContext(t.Context(), `INSERT INTO checkpoints VALUES (?, '00000000000000000001',
			'00000000000000000001', '2020-01-01T00:00:00.000Z', ?, NULL, NULL)`, key, expiresAt); err != nil {
			t.Fatal(err)
		}
	}
	for i := range manyExpired {
		insert(fmt.Sprint("expired/", i), fmt.Sprintf("2020-01-01T00:00:%02d.000Z", i%60))
	}
	damaged := make([]string, 0, purgeLimit+100)
	for i := range cap(damaged) {
		key := fmt.Sprint("damaged/", i)
		insert(key, []string{"0", "", "2020-01-01T00:00:30", "2020-13-01T00:00:00.000Z"}[i%4])
		damaged = append(damaged, key)
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	return d, db, damaged
}

// TestPurgeGoesOn: as long as there is more than one step may remove, each
// transaction takes another one, and what is damaged neither stops it nor goes.
func TestPurgeGoesOn(t *testing.T) {
	d, db, damaged := openWithExpired(t)
	left := func() int { return countRows(t, db, "key GLOB 'expired/*'") }
	before := left()
	for range (manyExpired+len(damaged))/purgeLimit + 1 {
		mustWrite(t, d, driver.Write{Key: "any", Mark: driver.Mark{UpdatedAt: time.Now().UTC()}})
		now := left()
		if before-now > purgeLimit+1 {
			t.Errorf("one transaction removed %d rows", before-now)
		}
		before = now
	}
	if before != 0 {
		t.Errorf("%d rows of %d that have expired are left", before, manyExpired)
	}
	records, err := d.Get(t.Context(), damaged)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		if !errors.Is(r.Err, checkpoint.ErrCorrupt) {
			t.Fatalf("%s: %v; want ErrCorrupt", r.Key, r.Err)
		}
	}
}

// TestPurgeWestOfGreenwich: what has expired goes at once, wherever the process runs.
func TestPurgeWestOfGreenwich(t *testing.T) {
	d, db, damaged := openWithExpired(t)
	_, err := db.ExecContext(t.Context(), "UPDATE checkpoints SET expires_at = ? WHERE key GLOB 'expired/*'",
		encodeTime(time.Now().UTC().Add(-time.Second)))
	if err != nil {
		t.Fatal(err)
	}
	west := time.FixedZone("", -8*60*60)
	for range (manyExpired+len(damaged))/purgeLimit + 1 {
		e := d.writer.do(t.Context(), 1, func(tx *transaction) error {
			tx.now = tx.now.In(west)
			return nil
		})
		if e.err != nil {
			t.Fatal(e.err)
		}
	}
	if left := countRows(t, db, "key GLOB 'expired/*'"); left != 0 {
		t.Errorf("%d rows of %d that have expired are left", left, manyExpired)
	}
}

// TestPurgeKeepsUpWithLargeTransactions: of rows that expire at once no more are
// kept, however many a transaction writes.
func TestPurgeKeepsUpWithLargeTransactions(t *testing.T) {
	d, db, damaged := openWithExpired(t)
	for range 3 {
		now := countRows(t, db, "key GLOB 'new/*'")
		e := d.writer.do(t.Context(), maxWrites, func(tx *transaction) error {
			for i := range maxWrites {
				w := driver.Write{Key: fmt.Sprint("new/", now+i), TTL: time.Millisecond, Mark: driver.Mark{UpdatedAt: tx.now}}
				tx.now = tx.now.Add(-time.Hour)
				_, err := tx.write(&w)
				tx.now = tx.now.Add(time.Hour)
				if err != nil {
					return err
				}
			}
			return nil
		})
		if e.err != nil {
			t.Fatal(e.err)
		}
	}
	if left := countRows(t, db, "true") - len(damaged); left > manyExpired+maxWrites {
		t.Errorf("%d rows are left", left)
	}
}

// TestPurgeThatFails must not fail what is written after it, again and again.
func TestPurgeThatFails(t *testing.T) {
	d, db, _ := openWithExpired(t)
	if _, err := db.ExecContext(t.Context(), `CREATE TRIGGER refuse BEFORE DELETE ON checkpoints
		BEGIN SELECT raise(ROLLBACK, 'the test refuses'); END`); err != nil {
		t.Fatal(err)
	}
	write := driver.Write{Key: "any", Mark: driver.Mark{UpdatedAt: time.Now().UTC()}}
	results, err := d.Write(t.Context(), []driver.Write{write})
	if err != nil || results[0].Outcome != driver.Failed {
		t.Fatalf("Write with a purge that fails: %+v, %v; want Failed", results, err)
	}
	mustWrite(t, d, write)
}

func mustWrite(t *testing.T, d *Driver, w driver.Write) {
	t.Helper()
	results, err := d.Write(context.WithoutCancel(t.Context()), []driver.Write{w})
	if err != nil || results[0].Err != nil {
		t.Fatal(err, results)
	}
}

func countRows(t *testing.T, db *sql.DB, where string) (n int) {
	t.Helper()
	err := db.QueryRowContext(t.Context(), "SELECT count(*) FROM checkpoints WHERE "+where).Scan(&n)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestPurgeDoesNotTrustTheIndex: what a damaged index calls expired, and what
// is not, stays.
func TestPurgeDoesNotTrustTheIndex(t *testing.T) {
	d, db, _ := openWithExpired(t)
	db.SetMaxOpenConns(1)
	for _, statement := range []string{
		"PRAGMA writable_schema = ON",
		"CREATE TEMP TABLE kept AS SELECT * FROM sqlite_schema WHERE name = 'checkpoints_by_expiry'",
		"DELETE FROM sqlite_schema WHERE name = 'checkpoints_by_expiry'",
		"PRAGMA schema_version = 1000",
		"UPDATE checkpoints SET expires_at = NULL WHERE key = 'expired/0'",
		"INSERT INTO sqlite_schema SELECT * FROM kept",
		"PRAGMA schema_version = 1001",
	} {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	for range 5 {
		mustWrite(t, d, driver.Write{Key: "any", Mark: driver.Mark{UpdatedAt: time.Now().UTC()}})
	}
	if left := countRows(t, db, "key GLOB 'expired/*'"); left != 1 {
		t.Errorf("%d rows that have expired are left", left-1)
	}
	records, err := d.Get(t.Context(), []string{"expired/0"})
	if err != nil {
		t.Fatal(err)
	}
	if records[0].Err != nil {
		t.Errorf("a checkpoint that does not expire: %v", records[0].Err)
	}
}

// TestPurgeOfAuditEntries: the entries that are past their age go, a part in each step. The
// others stay, and so does an entry whose time is damaged.
func TestPurgeOfAuditEntries(t *testing.T) {
	d, db, _ := openWithExpired(t)
	young := time.Now().Add(-driver.AuditAge).Add(time.Hour)
	for key, at := range map[string]string{
		"young": encodeTime(young.UTC()), "old": encodeTime(young.Add(-2 * time.Hour).UTC()), "damaged": "",
	} {
		const insert = "WITH RECURSIVE i (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i WHERE n < ?3)" +
			" INSERT INTO audit (key, n, at, op, actor, reason) SELECT ?1, n, ?2, 'set', '', '' FROM i"
		if _, err := db.ExecContext(t.Context(), insert, key, at, purgeLimit+500); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []int{500, 0, 0} {
		d.writer.nextPurge = time.Time{}
		mustWrite(t, d, driver.Write{Key: "any", Mark: driver.Mark{UpdatedAt: time.Now().UTC()}})
		left := map[string]int{}
		for _, key := range []string{"young", "old", "damaged"} {
			var n int
			if err := db.QueryRowContext(t.Context(), "SELECT count(*) FROM audit WHERE key = ?", key).Scan(&n); err != nil {
				t.Fatal(err)
			}
			left[key] = n
		}
		if left["old"] != want || left["young"] != purgeLimit+500 || left["damaged"] != purgeLimit+500 {
			t.Errorf("the entries that are left: %v; want %d old ones", left, want)
		}
	}
}

// TestPurgeOfReportsAndSamples: reports that have ended go, and so do the samples of a key
// that has none of late.
func TestPurgeOfReportsAndSamples(t *testing.T) {
	d, db, _ := openWithExpired(t)
	ago := func(age time.Duration) string { return encodeTime(time.Now().UTC().Add(-age)) }
	for _, s := range []string{
		"INSERT INTO reports VALUES ('k', 'ended', '', '" + ago(time.Second) + "', 'text'), ('k', 'lasts', '', '" + ago(-time.Hour) + "', 'text'), ('k', '', '', NULL, 'notice')",
		"INSERT INTO samples VALUES ('old', '" + ago(driver.SampleAge+time.Hour) + "', x''), ('young', '" + ago(driver.SampleAge-time.Hour) + "', x''), ('damaged', '', x'')",
	} {
		if _, err := db.ExecContext(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	mustWrite(t, d, driver.Write{Key: "any", Mark: driver.Mark{UpdatedAt: time.Now().UTC()}})
	var left string
	err := db.QueryRowContext(t.Context(), "SELECT (SELECT group_concat(instance) FROM reports) || ' ' || (SELECT group_concat(key) FROM samples)").Scan(&left)
	if err != nil || left != ",lasts damaged,young" {
		t.Errorf("%q is left, %v", left, err)
	}
}
