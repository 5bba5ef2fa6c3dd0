package pgstore_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/internal/pgtest"
	"github.com/checkpointstore/checkpoint/pgstore"
)

// newPool returns a pool for url. Each function of configure changes its configuration.
func newPool(tb testing.TB, url string, configure ...func(*pgxpool.Config)) *pgxpool.Pool {
	tb.Helper()
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		tb.Fatal(err)
	}
	for _, f := range configure {
		f(config)
	}
	pool, err := pgxpool.NewWithConfig(tb.Context(), config)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(pool.Close)
	return pool
}

func open(tb testing.TB, url string, opts *pgstore.Options) *pgstore.Driver {
	tb.Helper()
	d, err := pgstore.Open(tb.Context(), url, opts)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { d.Close() })
	return d
}

// execute runs statements as a person does in psql.
func execute(tb testing.TB, url string, statements ...string) {
	tb.Helper()
	ctx := context.WithoutCancel(tb.Context())
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		tb.Fatal(err)
	}
	defer conn.Close(ctx)
	for _, s := range statements {
		if _, err := conn.Exec(ctx, s); err != nil {
			tb.Fatalf("%s: %v", s, err)
		}
	}
}

// newDatabase makes an empty database with the tables of a store, and returns its URL.
func newDatabase(tb testing.TB) (url string) {
	tb.Helper()
	url = pgtest.Shared(tb).NewDatabase()
	sql, err := pgstore.SchemaSQL(nil)
	if err != nil {
		tb.Fatal(err)
	}
	execute(tb, url, sql)
	return url
}

func put(tb testing.TB, d driver.Driver, key string, position uint64) {
	tb.Helper()
	updated, err := checkpoint.New(d, nil).SetIfNewer(tb.Context(), key, checkpoint.Position{Commit: position})
	if err != nil || !updated {
		tb.Fatalf("SetIfNewer %q: %t, %v", key, updated, err)
	}
}

func lease(tb testing.TB, d driver.Driver, key string) checkpoint.Lease {
	tb.Helper()
	l, err := checkpoint.New(d, nil).Acquire(tb.Context(), key, "a", time.Hour)
	if err != nil {
		tb.Fatal(err)
	}
	return l
}

// lockTable returns a transaction that keeps a table from everybody until it ends.
func lockTable(t *testing.T, url, table string) pgx.Tx {
	t.Helper()
	on, err := newPool(t, url).Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = on.Rollback(context.WithoutCancel(t.Context())) })
	if _, err := on.Exec(t.Context(), "LOCK checkpoint."+table); err != nil {
		t.Fatal(err)
	}
	return on
}
