package pgstore_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/pgstore"
)

// A tx is a transaction of pgx or of database/sql, with a store in it.
type tx struct {
	store    *checkpoint.Store
	exec     func(statement string) error
	commit   func() error
	rollback func()
}

// txs begins any number of transactions on one database.
type txs struct {
	*testing.T
	url   string
	begin func() tx
}

// eachTx runs test with both kinds of transactions.
func eachTx(t *testing.T, test func(txs)) {
	t.Helper()
	t.Run("OnTx", func(t *testing.T) {
		url := newDatabase(t)
		pool := newPool(t, url)
		test(txs{t, url, func() tx {
			on, err := pool.Begin(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			ctx := context.WithoutCancel(t.Context())
			end := func() { on.Rollback(ctx) }
			t.Cleanup(end)
			d, err := pgstore.OnTx(on, nil)
			if err != nil {
				t.Fatal(err)
			}
			exec := func(s string) error { _, err := on.Exec(ctx, s); return err }
			return tx{checkpoint.New(d, nil), exec, func() error { return on.Commit(ctx) }, end}
		}})
	})
	t.Run("OnSQLTx", func(t *testing.T) {
		url := newDatabase(t)
		db, err := sql.Open("pgx", url)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		test(txs{t, url, func() tx {
			on, err := db.BeginTx(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			end := func() { on.Rollback() }
			t.Cleanup(end)
			d, err := pgstore.OnSQLTx(on, nil)
			if err != nil {
				t.Fatal(err)
			}
			exec := func(s string) error { _, err := on.Exec(s); return err }
			return tx{checkpoint.New(d, nil), exec, on.Commit, end}
		}})
	})
}

func TestOnTx(t *testing.T) {
	eachTx(t, func(t txs) {
		execute(t, t.url, "CREATE TABLE totals (events int)", "INSERT INTO totals VALUES (0)")
		store := checkpoint.New(open(t, t.url, nil), nil)
		for n := range uint64(3) {
			for _, commits := range []bool{false, true} {
				in := t.begin()
				updated, err := in.store.SetIfNewer(t.Context(), "k", checkpoint.Position{Commit: n + 1})
				if err == nil {
					err = in.exec("UPDATE totals SET events = events + 1")
				}
				if err != nil || !updated {
					t.Fatalf("%t, %v", updated, err)
				}
				if cp, err := in.store.Get(t.Context(), "k"); err != nil || cp.Position.Commit != n+1 {
					t.Fatalf("the transaction reads %v, %v", cp.Position, err)
				}
				if !commits {
					in.rollback()
				} else if err := in.commit(); err != nil {
					t.Fatal(err)
				}
			}
		}
		cp, err := store.Get(t.Context(), "k")
		total := sum(t, t.url)
		if total != 3 || err != nil || cp.Position.Commit != 3 {
			t.Errorf("%d events took effect, the checkpoint is at %s (%v)", total, cp.Position, err)
		}
		in := t.begin()
		if err := in.store.Delete(t.Context(), "k"); err != nil {
			t.Errorf("Delete: %v", err)
		}
		if err := in.commit(); err != nil {
			t.Fatal(err)
		}
		if _, err := store.Get(t.Context(), "k"); !errors.Is(err, checkpoint.ErrNotFound) {
			t.Errorf("Get after Delete: %v", err)
		}
	})
}

func sum(tb testing.TB, url string) (n int) {
	tb.Helper()
	if err := newPool(tb, url).QueryRow(tb.Context(), "SELECT events FROM totals").Scan(&n); err != nil {
		tb.Fatal(err)
	}
	return n
}

func TestOnTxChecksTheEpoch(t *testing.T) {
	eachTx(t, func(t txs) {
		d := open(t, t.url, nil)
		old, now := lease(t, d, "k"), lease(t, d, "k")
		in := t.begin()
		if _, err := in.store.SetIfNewer(t.Context(), "k", checkpoint.Position{Commit: 1}, checkpoint.Epoch(old.Epoch)); !errors.Is(err, checkpoint.ErrFenced) {
			t.Errorf("SetIfNewer with a former epoch: %v", err)
		}
		if updated, err := in.store.SetIfNewer(t.Context(), "k", checkpoint.Position{Commit: 1}, checkpoint.Epoch(now.Epoch)); err != nil || !updated {
			t.Errorf("SetIfNewer with the epoch of the lease: %t, %v", updated, err)
		}
		// Nobody takes over between the check and the commit.
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if _, err := checkpoint.New(d, nil).Acquire(ctx, "k", "a", time.Hour); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Acquire before the commit: %v", err)
		}
		if err := in.commit(); err != nil {
			t.Fatal(err)
		}
	})
}

// The transaction sees the entries of its own changes. They commit with the changes.
func TestHistoryOnTx(t *testing.T) {
	eachTx(t, func(t txs) {
		store := checkpoint.New(open(t, t.url, nil), nil)
		for _, commits := range []bool{false, true} {
			in := t.begin()
			if err := in.store.Set(t.Context(), "k", checkpoint.Position{Commit: 7}, checkpoint.By("ana", "")); err != nil {
				t.Fatal(err)
			}
			if entries, err := in.store.History(t.Context(), "k", 9); err != nil || len(entries) != 1 || entries[0].Actor != "ana" {
				t.Errorf("History in the transaction: %+v, %v", entries, err)
			}
			want := 0
			if !commits {
				in.rollback()
			} else if err := in.commit(); err != nil {
				t.Fatal(err)
			} else {
				want = 1
			}
			if entries, err := store.History(t.Context(), "k", 9); err != nil || len(entries) != want {
				t.Errorf("History after the transaction: %+v, %v; want %d entries", entries, err, want)
			}
		}
	})
}

// The transaction sees the samples that its own writes keep.
func TestSamplesOnTx(t *testing.T) {
	eachTx(t, func(t txs) {
		in := t.begin()
		for i, ago := range []time.Duration{time.Hour, 0} {
			p, at := checkpoint.Position{Commit: uint64(i + 1)}, time.Now().Add(-ago) //nolint:gosec // an index
			if _, err := in.store.SetIfNewer(t.Context(), "k", p, checkpoint.UpdatedAt(at)); err != nil {
				t.Fatal(err)
			}
		}
		if samples, err := in.store.Samples(t.Context(), "k"); err != nil || len(samples) != 1 || samples[0].Position.Commit != 1 {
			t.Errorf("Samples: %v, %v", samples, err)
		}
	})
}

// Two transactions that are the first to write a key are decided one after the other.
func TestFirstWritersOnTx(t *testing.T) {
	eachTx(t, func(t txs) {
		for round := range 10 {
			key := fmt.Sprintf("k%d", round)
			first, second := t.begin(), t.begin()
			if updated, err := first.store.SetIfNewer(t.Context(), key, checkpoint.Position{Commit: 2}); err != nil || !updated {
				t.Fatalf("the first writer: %t, %v", updated, err)
			}
			done := make(chan error, 1)
			go func() {
				rewound, err := second.store.Rewind(t.Context(), "also "+key, checkpoint.Position{Commit: 1})
				if err == nil && rewound.Epoch != 1 {
					err = fmt.Errorf("a Rewind got epoch %d", rewound.Epoch)
				}
				updated, e := second.store.SetIfNewer(t.Context(), key, checkpoint.Position{Commit: 1})
				if e == nil && updated {
					e = errors.New("the second writer has written an older position")
				}
				done <- errors.Join(err, e, second.commit())
			}()
			time.Sleep(time.Duration(round) * time.Millisecond)
			if err := first.commit(); err != nil {
				t.Fatal(err)
			}
			if err := <-done; err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestOnTxWithoutTables(t *testing.T) {
	eachTx(t, func(t txs) {
		execute(t, t.url, "DROP SCHEMA checkpoint CASCADE")
		if _, err := t.begin().store.SetIfNewer(t.Context(), "k", checkpoint.Position{}); !notMigrated(err) {
			t.Errorf("SetIfNewer: %v", err)
		}
		if _, err := t.begin().store.Get(t.Context(), "k"); !notMigrated(err) {
			t.Errorf("Get: %v", err)
		}
	})
}

func TestOnTxFailsInAnAbortedTransaction(t *testing.T) {
	eachTx(t, func(t txs) {
		in := t.begin()
		if err := in.exec("SELECT 1/0"); err == nil {
			t.Fatal("a division by zero succeeds")
		}
		if _, err := in.store.SetIfNewer(t.Context(), "k", checkpoint.Position{}); err == nil || errors.Is(err, checkpoint.ErrNotFound) {
			t.Errorf("SetIfNewer: %v", err)
		}
		if _, err := in.store.Get(t.Context(), "k"); err == nil || errors.Is(err, checkpoint.ErrNotFound) {
			t.Errorf("Get: %v", err)
		}
		if err := in.commit(); err == nil {
			t.Error("the transaction commits")
		}
	})
}

// In a transaction that sees the tables as of its beginning, a checkpoint that others
// have written since is an error, and no missing checkpoint.
func TestOnTxRepeatableRead(t *testing.T) {
	url := newDatabase(t)
	d := open(t, url, nil)
	on, err := newPool(t, url).BeginTx(t.Context(), pgx.TxOptions{IsoLevel: pgx.RepeatableRead})
	if err != nil {
		t.Fatal(err)
	}
	defer on.Rollback(context.WithoutCancel(t.Context()))
	store := storeOn(t, on)
	put(t, d, "old", 1)
	if cp, err := store.Get(t.Context(), "old"); err != nil || cp.Position.Commit != 1 {
		t.Fatal(err)
	}
	put(t, d, "old", 7)
	put(t, d, "new", 7)
	for _, key := range []string{"new", "old"} {
		if updated, err := store.SetIfNewer(t.Context(), key, checkpoint.Position{Commit: 5}); err == nil {
			t.Errorf("SetIfNewer of %s key: %t", key, updated)
		}
	}
}

func storeOn(t *testing.T, on pgx.Tx) *checkpoint.Store {
	t.Helper()
	d, err := pgstore.OnTx(on, nil)
	if err != nil {
		t.Fatal(err)
	}
	return checkpoint.New(d, nil)
}
