package sqlitestore

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"modernc.org/sqlite"

	"github.com/checkpointstore/checkpoint/driver"
)

// TestWriterForgetsWhatWasRolledBack: the next write is not held against a
// position that was never stored.
func TestWriterForgetsWhatWasRolledBack(t *testing.T) {
	d, err := Open(t.Context(), filepath.Join(t.TempDir(), "checkpoints.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	at := func(commit uint64) driver.Write {
		return driver.Write{
			Key: "k", Mode: driver.IfNewer, Mark: driver.Mark{Position: driver.Position{Commit: commit}, UpdatedAt: time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)},
		}
	}
	why := errors.New("the test's reason")
	e := d.writer.do(t.Context(), 1, func(tx *transaction) error {
		w := at(9)
		_, err := tx.write(&w)
		return errors.Join(err, why)
	})
	if !errors.Is(e.err, why) || e.unknown {
		t.Fatalf("a job that fails: %+v", e)
	}
	results, err := d.Write(t.Context(), []driver.Write{at(5)})
	if err != nil || results[0].Outcome != driver.Advanced {
		t.Errorf("Write after the rollback: %+v, %v; want Advanced", results, err)
	}
}

// TestWriterStoresWhatIsNotThere: what is written is stored, even if the writer
// were wrong about what is.
func TestWriterStoresWhatIsNotThere(t *testing.T) {
	d, err := Open(t.Context(), filepath.Join(t.TempDir(), "checkpoints.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	e := d.writer.do(t.Context(), 1, func(tx *transaction) error {
		tx.known.put("k", driver.StoredCheckpoint{Exists: true, Mark: driver.Mark{Position: driver.Position{Commit: 5}}})
		_, err := tx.write(&driver.Write{
			Key: "k", Mode: driver.IfNewer, Mark: driver.Mark{Position: driver.Position{Commit: 9}, UpdatedAt: time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)},
		})
		return err
	})
	if e.err != nil {
		t.Fatal(e.err)
	}
	records, err := d.Get(t.Context(), []string{"k"})
	if err != nil || records[0].Err != nil || records[0].Position.Commit != 9 {
		t.Errorf("Get of what was written: %+v, %v", records, err)
	}
}

// TestWithinSaysWhatHappened: a context that ends while SQLite commits changes nothing any more.
func TestWithinSaysWhatHappened(t *testing.T) {
	for name, hooked := range map[string]bool{"before the commit": false, "during the commit": true} {
		t.Run(name, func(t *testing.T) {
			db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "a.db"))
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			conn, err := db.Conn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if _, err := conn.ExecContext(t.Context(), "CREATE TABLE a (b)"); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if err := conn.Raw(func(c any) error {
				c.(sqlite.HookRegisterer).RegisterCommitHook(func() int32 { cancel(); return 0 })
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			err = within(ctx, conn, "BEGIN", func() error {
				_, err := conn.ExecContext(ctx, "INSERT INTO a VALUES (1)")
				if !hooked {
					cancel()
				}
				return err
			})
			var rows int
			if err := conn.QueryRowContext(t.Context(), "SELECT count(*) FROM a").Scan(&rows); err != nil {
				t.Fatal(err)
			}
			if landed := rows == 1; landed != hooked || landed != (err == nil) {
				t.Errorf("the transaction has landed: %t, and its error is %v", landed, err)
			}
		})
	}
}
