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
	db, err := readModel(path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
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
	db, err := readModel(path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	within := checkpoint.New(sqlitestore.OnTx(tx), nil)
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

func TestOnTxOfAnotherFile(t *testing.T) {
	db, err := readModel(filepath.Join(t.TempDir(), "other.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
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
