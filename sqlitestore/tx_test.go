package sqlitestore_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/sqlitestore"
)

// readModel opens the file a second time, as a consumer does that keeps its
// read model in it.
func readModel(path string) (*sql.DB, error) {
	db, err := sql.Open("sqlite", "file:"+path+"?_txlock=immediate&_pragma=busy_timeout(5000)&_pragma=synchronous(FULL)")
	if err != nil {
		return nil, err
	}
	_, err = db.Exec("CREATE TABLE IF NOT EXISTS totals (id INTEGER PRIMARY KEY, events INTEGER NOT NULL) STRICT")
	return db, err
}

// openFile opens a file with the settings in query alone.
func openFile(t *testing.T, path, query string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path+query)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func openModel(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := readModel(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// begin opens a transaction, which ends with the test at the latest, and a store in
// it.
func begin(t *testing.T, db *sql.DB) (*sql.Tx, *checkpoint.Store) {
	t.Helper()
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tx.Rollback() })
	return tx, checkpoint.New(sqlitestore.OnTx(tx), nil)
}

// handle lets an event take effect, and moves the checkpoint, in one transaction.
func handle(ctx context.Context, db *sql.DB, p checkpoint.Position) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	updated, err := checkpoint.New(sqlitestore.OnTx(tx), nil).SetIfNewer(ctx, "totals", p)
	if err != nil {
		return err
	}
	if !updated {
		return fmt.Errorf("event %s was handled before", p)
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO totals VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET events = events + 1")
	if err != nil {
		return err
	}
	return tx.Commit()
}

func total(ctx context.Context, db *sql.DB) (n uint64, err error) {
	err = db.QueryRowContext(ctx, "SELECT events FROM totals").Scan(&n)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return n, err
}

func TestOnTx(t *testing.T) {
	store, path := newStore(t)
	db := openModel(t, path)
	for n := range uint64(3) {
		if err := handle(t.Context(), db, checkpoint.Position{Commit: n + 1}); err != nil {
			t.Fatal(err)
		}
	}
	if err := handle(t.Context(), db, checkpoint.Position{Commit: 3, Prepare: 0}); err != nil {
		// An equal position is no older one: the caller compares where it matters.
		t.Fatal(err)
	}
	if err := handle(t.Context(), db, checkpoint.Position{Commit: 2}); err == nil {
		t.Error("an event from before the checkpoint is handled again")
	}
	cp, err := store.Get(t.Context(), "totals")
	if n, totalErr := total(t.Context(), db); n != 4 || totalErr != nil || err != nil || cp.Position.Commit != 3 {
		t.Errorf("%d events took effect (%v), the checkpoint is at %s (%v)", n, totalErr, cp.Position, err)
	}
}

func TestOnTxRollsBack(t *testing.T) {
	store, path := newStore(t)
	db := openModel(t, path)
	tx, within := begin(t, db)
	rewound, err := within.Rewind(t.Context(), "k", checkpoint.Position{Commit: 7})
	if err != nil || rewound.Epoch != 1 {
		t.Fatalf("Rewind: %+v, %v", rewound, err)
	}
	if cp, err := within.Get(t.Context(), "k"); err != nil || cp.Position.Commit != 7 {
		t.Errorf("the transaction does not see what it wrote: %v, %v", cp, err)
	}
	if _, err := store.Get(t.Context(), "k"); !isNotFound(err) {
		t.Errorf("others see what is not committed: %v", err)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Get(t.Context(), "k"); !isNotFound(err) {
		t.Errorf("after a rollback: %v; want ErrNotFound", err)
	}
	// The fence went back as well.
	if _, err := store.SetIfNewer(t.Context(), "k", checkpoint.Position{Commit: 1}, checkpoint.Epoch(1)); err != nil {
		t.Errorf("a write with the epoch of what was rolled back: %v", err)
	}
	if _, err := within.Get(t.Context(), "k"); err == nil || isNotFound(err) {
		t.Errorf("after the transaction: %v; want its error", err)
	}
}

// The transaction sees the entries of its own changes. They commit with the changes.
func TestHistoryOnTx(t *testing.T) {
	store, path := newStore(t)
	db := openModel(t, path)
	for _, end := range []func(*sql.Tx) error{(*sql.Tx).Rollback, (*sql.Tx).Commit} {
		tx, within := begin(t, db)
		if err := within.Set(t.Context(), "k", checkpoint.Position{Commit: 7}, checkpoint.By("ana", "")); err != nil {
			t.Fatal(err)
		}
		if entries, err := within.History(t.Context(), "k", 9); err != nil || len(entries) != 1 || entries[0].Actor != "ana" {
			t.Errorf("History in the transaction: %+v, %v", entries, err)
		}
		if entries, err := store.History(t.Context(), "k", 9); err != nil || len(entries) != 0 {
			t.Errorf("History before the commit: %+v, %v", entries, err)
		}
		if err := end(tx); err != nil {
			t.Fatal(err)
		}
	}
	if entries, err := store.History(t.Context(), "k", 9); err != nil || len(entries) != 1 {
		t.Errorf("History after the commit: %+v, %v", entries, err)
	}
}

// The transaction sees the samples that its own writes keep.
func TestSamplesOnTx(t *testing.T) {
	_, path := newStore(t)
	_, within := begin(t, openModel(t, path))
	for i, ago := range []time.Duration{time.Hour, 0} {
		p, at := checkpoint.Position{Commit: uint64(i + 1)}, time.Now().Add(-ago) //nolint:gosec // an index
		if _, err := within.SetIfNewer(t.Context(), "k", p, checkpoint.UpdatedAt(at)); err != nil {
			t.Fatal(err)
		}
	}
	if samples, err := within.Samples(t.Context(), "k"); err != nil || len(samples) != 1 || samples[0].Position.Commit != 1 {
		t.Errorf("Samples: %v, %v", samples, err)
	}
}

func TestOnTxOfAnotherFile(t *testing.T) {
	db := openModel(t, filepath.Join(t.TempDir(), "other.db"))
	if err := handle(t.Context(), db, checkpoint.Position{Commit: 1}); err == nil || isNotFound(err) {
		t.Errorf("in a file that is no store: %v", err)
	}
}

func init() { roles["exactly-once"] = consumeExactlyOnce }

// consumeExactlyOnce handles event after event from where it stands.
func consumeExactlyOnce(ctx context.Context, store *checkpoint.Store, _ uint64) error {
	db, err := readModel(os.Getenv(envPath))
	if err != nil {
		return err
	}
	cp, err := store.Get(ctx, "totals")
	if err != nil && !isNotFound(err) {
		return err
	}
	fmt.Println("ready")
	for n := cp.Position.Commit + 1; ; n++ {
		if err := handle(ctx, db, checkpoint.Position{Commit: n}); err != nil {
			return err
		}
	}
}

// TestExactlyOnceInEffect kills the consumer at random moments: of every event
// that the checkpoint covers, and of no other, there is one effect.
func TestExactlyOnceInEffect(t *testing.T) {
	path := filepath.Join(t.TempDir(), "checkpoints.db")
	openAt(t, path).Close()
	var last uint64
	for round := range 50 {
		cmd, out := startChild(t, "exactly-once", path, 0)
		ready := make([]byte, len("ready\n"))
		if _, err := out.Read(ready); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		time.Sleep(rand.N(60 * time.Millisecond)) // the moment is what varies
		cmd.Process.Kill()
		if err := cmd.Wait(); err == nil || cmd.ProcessState.Exited() {
			t.Fatalf("round %d: the consumer ended by itself: %v", round, err)
		}
		db, err := readModel(path)
		if err != nil {
			t.Fatal(err)
		}
		effects, err := total(t.Context(), db)
		db.Close()
		if err != nil {
			t.Fatal(err)
		}
		store := checkpoint.New(openAt(t, path), nil)
		cp, err := store.Get(t.Context(), "totals")
		store.Close()
		if err != nil && !isNotFound(err) {
			t.Fatal(err)
		}
		if cp.Position.Commit != effects || effects < last {
			t.Fatalf("round %d: the checkpoint is at %d, and %d events took effect (%d before)",
				round, cp.Position.Commit, effects, last)
		}
		last = effects
	}
	if last < 50 {
		t.Fatalf("%d events in 50 rounds: this proves nothing", last)
	}
	t.Logf("%d events in 50 rounds", last)
}

// TestOnTxThatSQLiteHasEnded: some errors roll a transaction back at once, and
// what is written after them would stand alone.
func TestOnTxThatSQLiteHasEnded(t *testing.T) {
	store, path := newStore(t)
	if err := store.Set(t.Context(), "there", checkpoint.Position{Commit: 1}); err != nil {
		t.Fatal(err)
	}
	db := openModel(t, path)
	for name, write := range map[string]func(*checkpoint.Store) error{
		"SetIfNewer": func(s *checkpoint.Store) error {
			_, err := s.SetIfNewer(t.Context(), "k", checkpoint.Position{Commit: 1})
			return err
		},
		"Delete": func(s *checkpoint.Store) error { return s.Delete(t.Context(), "there") },
		"Get": func(s *checkpoint.Store) error {
			_, err := s.Get(t.Context(), "there")
			return err
		},
		"History": func(s *checkpoint.Store) error {
			_, err := s.History(t.Context(), "there", 1)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			tx, within := begin(t, db)
			var err error
			for range 2 {
				_, err = tx.ExecContext(t.Context(), "INSERT OR ROLLBACK INTO totals VALUES (1, 1)")
			}
			if err == nil {
				t.Fatal("the same row twice is no error")
			}
			if err := write(within); err == nil || isNotFound(err) {
				t.Errorf("in a transaction that SQLite has rolled back: %v", err)
			}
		})
	}
	if _, err := store.Get(t.Context(), "k"); !isNotFound(err) {
		t.Errorf("what was written without a transaction is there: %v", err)
	}
	if _, err := store.Get(t.Context(), "there"); err != nil {
		t.Errorf("what was deleted without a transaction is gone: %v", err)
	}
}

func TestOnTxWithAStaleEpoch(t *testing.T) {
	store, path := newStore(t)
	db := openModel(t, path)
	lease, err := store.Acquire(t.Context(), "k", "a", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	write := func(position, epoch uint64) error {
		tx, within := begin(t, db)
		defer tx.Rollback()
		_, err := within.SetIfNewer(t.Context(), "k", checkpoint.Position{Commit: position}, checkpoint.Epoch(epoch))
		if err != nil {
			return err
		}
		return tx.Commit()
	}
	if err := write(1, lease.Epoch); err != nil {
		t.Fatal(err)
	}
	// The fence that a transaction raises holds for the store, and the other
	// way round.
	if err := write(2, lease.Epoch+1); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Renew(t.Context(), lease, time.Hour); !errors.Is(err, checkpoint.ErrFenced) {
		t.Errorf("Renew after a higher epoch: %v; want ErrFenced", err)
	}
	if _, err := store.Rewind(t.Context(), "k", checkpoint.Position{Commit: 1}); err != nil {
		t.Fatal(err)
	}
	if err := write(3, lease.Epoch+1); !errors.Is(err, checkpoint.ErrFenced) {
		t.Errorf("a write with the epoch before a rewind: %v; want ErrFenced", err)
	}
	if cp, err := store.Get(t.Context(), "k"); err != nil || cp.Position.Commit != 1 {
		t.Errorf("the checkpoint is at %s, %v; want where it was rewound to", cp.Position, err)
	}
}

// TestOnTxThatReadsFirst has a snapshot from before another's write. What was
// read in it decides nothing.
func TestOnTxThatReadsFirst(t *testing.T) {
	store, path := newStore(t)
	tx, within := begin(t, openFile(t, path, ""))
	if _, err := within.Get(t.Context(), "k"); !isNotFound(err) {
		t.Fatal(err)
	}
	if _, err := store.Rewind(t.Context(), "k", checkpoint.Position{Commit: 1}); err != nil {
		t.Fatal(err)
	}
	if err := within.Set(t.Context(), "k", checkpoint.Position{Commit: 9}, checkpoint.Epoch(1)); err == nil {
		if err := tx.Commit(); err == nil {
			t.Error("a write on a snapshot from before a rewind is committed")
		}
	}
	if cp, err := store.Get(t.Context(), "k"); err != nil || cp.Position.Commit != 1 {
		t.Errorf("the checkpoint is at %s, %v; want where it was rewound to", cp.Position, err)
	}
}

func TestOnTxThatIsReadOnly(t *testing.T) {
	store, path := newStore(t)
	if err := store.Set(t.Context(), "k", checkpoint.Position{Commit: 1}); err != nil {
		t.Fatal(err)
	}
	_, within := begin(t, openFile(t, path, "?mode=ro"))
	if cp, err := within.Get(t.Context(), "k"); err != nil || cp.Position.Commit != 1 {
		t.Errorf("Get: %s, %v", cp.Position, err)
	}
	if updated, err := within.SetIfNewer(t.Context(), "k", checkpoint.Position{Commit: 2}); err == nil {
		t.Errorf("SetIfNewer: %v, without an error", updated)
	}
}
