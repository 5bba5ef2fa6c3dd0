package pgstore_test

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/internal/pgtest"
	"github.com/checkpointstore/checkpoint/pgstore"
	"github.com/checkpointstore/checkpoint/storetest"
)

// The URL alone makes a driver work behind PgBouncer in transaction mode.
func TestConformanceBehindPgBouncer(t *testing.T) {
	server := pgtest.Start(t, "max_connections=300")
	// PgBouncer would wait 15 seconds for a server that is back.
	bouncer := pgtest.StartBouncer(t, server, "max_client_conn=1000", "server_login_retry=1")
	h := harness(server, bouncer.URL("postgres"))
	direct := h
	h.Open = func(tb testing.TB) driver.Driver { tb.Helper(); return unwoken(direct.Open(tb)) }
	h.Reopen = func(tb testing.TB, d driver.Driver) driver.Driver {
		tb.Helper()
		return unwoken(direct.Reopen(tb, placeOf(d)))
	}
	storetest.Run(t, h)
}

// A quiet is a driver without its wake-ups, which a pooler does not pass on. See
// TestNobodyListensBehindAPooler.
type quiet struct {
	driver.Driver
	driver.RecordScanner
	driver.Leaser
	driver.Inspector
	driver.Fencer
	driver.Namer
	placed placed
}

func unwoken(d driver.Driver) driver.Driver {
	p := d.(placed)
	return quiet{p, p, p, p, p, p, p}
}

func placeOf(d driver.Driver) placed {
	if q, ok := d.(quiet); ok {
		return q.placed
	}
	return d.(placed)
}

func databaseOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		panic(err)
	}
	return strings.TrimPrefix(u.Path, "/")
}

// A pool of the caller may prepare statements, which PgBouncer does not follow.
func TestPoolBehindPgBouncer(t *testing.T) {
	direct := newDatabase(t)
	via := pgtest.StartBouncer(t, pgtest.Shared(t)).URL(databaseOf(direct))
	pooled := func(mode pgx.QueryExecMode) *checkpoint.Store {
		pool := newPool(t, via, func(config *pgxpool.Config) { config.ConnConfig.DefaultQueryExecMode = mode })
		d, err := pgstore.New(pool, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { d.Close() })
		return checkpoint.New(d, nil)
	}
	for _, mode := range []pgx.QueryExecMode{pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol, pgx.QueryExecModeCacheDescribe} {
		store := pooled(mode)
		for n := range uint64(20) {
			if _, err := store.SetIfNewer(t.Context(), "k", checkpoint.Position{Commit: n}); err != nil {
				t.Errorf("%s: %v", mode, err)
			}
			if _, err := store.Get(t.Context(), "k"); err != nil {
				t.Errorf("%s: %v", mode, err)
			}
		}
	}
	store, failed := pooled(pgx.QueryExecModeCacheStatement), 0
	other := pooled(pgx.QueryExecModeCacheStatement) // prepares the same statements on the same servers
	for range 20 {
		for _, s := range []*checkpoint.Store{store, other} {
			if _, err := s.Get(t.Context(), "k"); err != nil {
				failed++
				if errors.Is(err, driver.ErrNotFound) || !strings.Contains(driver.Hint(err), "default_query_exec_mode=exec") {
					t.Errorf("%v, hint %q", err, driver.Hint(err))
				}
			}
		}
	}
	if failed == 0 {
		t.Error("prepared statements work behind this PgBouncer, so that the test shows nothing")
	}
}
