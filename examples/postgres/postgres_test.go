package main

import (
	"context"
	"errors"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/internal/pgtest"
	"github.com/checkpointstore/checkpoint/memstore"
	"github.com/checkpointstore/checkpoint/subscription"
)

// consumed runs the consumer until it has handled n events, and returns their bodies.
func consumed(t *testing.T, url string, store *checkpoint.Store, slot string, firstRun bool, n int) []string {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
	defer stop()
	var bodies []string
	err := consume(ctx, connect(t, url), store, slot, firstRun, func(_ context.Context, e event) error {
		if bodies = append(bodies, e.body); len(bodies) == n {
			stop()
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	return bodies
}

func want(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("handled %q, want %q", got, want)
	}
}

// TestRowThatCommitsLate: the transaction that took the id 3 commits after the one that
// took the id 4. Meanwhile the consumer handles, and stores, what it may.
func TestRowThatCommitsLate(t *testing.T) {
	url := start(t)
	conn, late := connect(t, url), connect(t, url)
	schema, err := os.ReadFile("outbox.sql")
	if err != nil {
		t.Fatal(err)
	}
	const insert = "INSERT INTO outbox (body) VALUES "
	execute(t, conn, string(schema), insert+"('1')", insert+"('2')")
	tx, err := late.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	execute(t, tx, insert+"('3')")
	execute(t, conn, insert+"('4')")
	store := checkpoint.New(memstore.New(), nil)
	want(t, consumed(t, url, store, "", true, 2), "1", "2")
	if rows, err := page(t.Context(), conn, checkpoint.Position{}); err != nil || len(rows) != 2 {
		t.Errorf("read %v, %v while 3 is under way; want 1 and 2", rows, err)
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	want(t, consumed(t, url, store, "", false, 2), "3", "4")
}

// TestIDThatWasTakenBeforeItsTransactionBegan: a row's id may be older than its xid, so
// that the horizon does not hold back the ids above it. The position begins with the xid.
func TestIDThatWasTakenBeforeItsTransactionBegan(t *testing.T) {
	url := start(t)
	conn, late := connect(t, url), connect(t, url)
	schema, err := os.ReadFile("outbox.sql")
	if err != nil {
		t.Fatal(err)
	}
	execute(t, conn, string(schema))
	var id int64
	if err := late.QueryRow(t.Context(), "SELECT nextval('outbox_id_seq')").Scan(&id); err != nil {
		t.Fatal(err)
	}
	execute(t, conn, "INSERT INTO outbox (body) VALUES ('second')")
	store := checkpoint.New(memstore.New(), nil)
	want(t, consumed(t, url, store, "", true, 1), "second")
	if _, err := late.Exec(t.Context(), "INSERT INTO outbox (id, body) OVERRIDING SYSTEM VALUE VALUES ($1, 'first')", id); err != nil {
		t.Fatal(err)
	}
	want(t, consumed(t, url, store, "", false, 1), "first")
}

// TestRowWithoutABody: a row is handled, whatever it says.
func TestRowWithoutABody(t *testing.T) {
	url := start(t)
	schema, err := os.ReadFile("outbox.sql")
	if err != nil {
		t.Fatal(err)
	}
	execute(t, connect(t, url), string(schema), "INSERT INTO outbox (body) VALUES (''), ('2')")
	want(t, consumed(t, url, checkpoint.New(memstore.New(), nil), "", true, 2), "", "2")
}

// TestOutboxOfAnotherDatabase: the checkpoint of one outbox says nothing about another one.
func TestOutboxOfAnotherDatabase(t *testing.T) {
	server := pgtest.Start(t)
	one, other := server.NewDatabase(), server.NewDatabase()
	schema, err := os.ReadFile("outbox.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, url := range []string{other, one} {
		execute(t, connect(t, url), string(schema), "INSERT INTO outbox (body) VALUES ('1')")
	}
	store := checkpoint.New(memstore.New(), nil)
	want(t, consumed(t, one, store, "", true, 1), "1")
	ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
	defer stop()
	err = consume(ctx, connect(t, other), store, "", false, handle)
	if !errors.Is(err, subscription.ErrOtherLog) {
		t.Errorf("the outbox of another database: %v; want ErrOtherLog", err)
	}
}

// TestChangesOfOneLSN: rows of one COPY share an LSN, and the consumer stops among them.
func TestChangesOfOneLSN(t *testing.T) {
	url := start(t)
	conn, late := connect(t, url), connect(t, url)
	execute(t, conn, "CREATE TABLE t (n int)", "SELECT pg_create_logical_replication_slot('s', 'test_decoding')")
	tx, err := late.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	execute(t, tx, "INSERT INTO t VALUES (9)") // its LSN is the lowest, its commit the last
	rows := pgx.CopyFromRows([][]any{{1}, {2}, {3}})
	if _, err := conn.CopyFrom(t.Context(), pgx.Identifier{"t"}, []string{"n"}, rows); err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	row := func(n string) string { return "table public.t: INSERT: n[integer]:" + n }
	store := checkpoint.New(memstore.New(), nil)
	want(t, consumed(t, url, store, "s", true, 2), row("1"), row("2"))
	kept, err := peek(t.Context(), conn, "s")
	if err != nil {
		t.Fatal(err)
	}
	if err := advance(t.Context(), conn, "s", kept, kept[1].position); err != nil {
		t.Fatal(err)
	}
	want(t, consumed(t, url, store, "s", false, 2), row("3"), row("9"))
	execute(t, conn, "INSERT INTO t VALUES (10)")
	want(t, consumed(t, url, store, "s", false, 1), row("10"))
}

// TestSlotForgetsWhatIsStored: otherwise the server keeps its log for ever.
func TestSlotForgetsWhatIsStored(t *testing.T) {
	url := start(t)
	conn := connect(t, url)
	execute(t, conn, "CREATE TABLE t (n int)", "SELECT pg_create_logical_replication_slot('s', 'test_decoding')",
		"INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (2)")
	kept, err := peek(t.Context(), conn, "s")
	if err != nil {
		t.Fatal(err)
	}
	last := int64(kept[len(kept)-1].position.Commit)
	ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
	defer stop()
	ended := make(chan error, 1)
	reader := connect(t, url)
	go func() {
		ended <- consume(ctx, reader, checkpoint.New(memstore.New(), nil), "s", true, func(context.Context, event) error { return nil })
	}()
	for waits := true; waits && ctx.Err() == nil; time.Sleep(10 * time.Millisecond) {
		err := conn.QueryRow(t.Context(),
			"SELECT (confirmed_flush_lsn - '0/0')::bigint < $1 FROM pg_replication_slots", last).Scan(&waits)
		if err != nil {
			t.Fatal(err)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if kept, err = peek(t.Context(), conn, "s"); err != nil || len(kept) > 0 {
		t.Errorf("the slot keeps %v, %v", kept, err)
	}
}
