package histories

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/internal/pgtest"
	"github.com/checkpointstore/checkpoint/pgstore"
)

// TestPostgreSQL lets every fault strike a server while clients work.
func TestPostgreSQL(t *testing.T) {
	t.Parallel()
	outlast(t, sites["PostgreSQL"])
}

func startPostgres(t *testing.T) *site {
	t.Helper()
	server := migrated(t, "deadlock_timeout=20ms")
	s := newSite(t, server)
	url := server.URL("postgres")
	s.connect = func(by func(string) string) engine {
		return postgresAt(t, strings.Replace(url, server.Addr(), by(server.Addr()), 1))
	}
	s.hangUp = func(*node) { signalSessions(server, "pg_terminate_backend") }
	s.own = []fault{
		{"pg_cancel_backend", func(*site, *node) {
			for range 10 {
				signalSessions(server, "pg_cancel_backend")
				time.Sleep(5 * time.Millisecond)
			}
		}},
		{"deadlocks", func(s *site, _ *node) { s.lockBackwards(url, 20*time.Millisecond) }},
		setting(server, "lock_timeout", "5ms", func(s *site) { s.lockBackwards(url, 60*time.Millisecond) }),
		setting(server, "statement_timeout", "1ms", waits),
		setting(server, "idle_in_transaction_session_timeout", "1ms", waits),
		setting(server, "default_transaction_read_only", "on", waits),
		setting(server, "default_transaction_isolation", "serializable", waits),
		setting(server, "synchronous_commit", "off", waits),
	}
	return s
}

func signalSessions(s *pgtest.Server, by string) {
	administer(s, "SELECT "+by+"(pid) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()")
}

// administer runs statements, each in a transaction of its own, whatever is set for
// others.
func administer(s *pgtest.Server, statements ...string) {
	for _, statement := range statements {
		s.SQLAt(s.URL("postgres")+"&options=-cstatement_timeout%3D0", statement)
	}
}

func waits(*site) { time.Sleep(100 * time.Millisecond) }

// setting is the fault that a setting has a value during f, in sessions that are open, too.
func setting(server *pgtest.Server, name, value string, f func(*site)) fault {
	return fault{name, func(s *site, _ *node) {
		administer(server, "ALTER SYSTEM SET "+name+" = '"+value+"'", "SELECT pg_reload_conf()")
		f(s)
		administer(server, "ALTER SYSTEM RESET "+name, "SELECT pg_reload_conf()")
	}}
}

// lockBackwards locks what the store locks, but in the other order, several times, each
// time for so long.
func (s *site) lockBackwards(url string, hold time.Duration) {
	ctx := context.WithoutCancel(s.t.Context())
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close(ctx)
	for range 4 {
		var keys []string
		for range keysAtOnce {
			keys = append(keys, s.key())
		}
		slices.Sort(keys)
		slices.Reverse(keys)
		tx, err := conn.Begin(ctx)
		if err != nil {
			s.t.Fatal(err)
		}
		for _, table := range []string{"checkpoints", "checkpoint_fences"} {
			for _, key := range keys {
				// It may be the one that has to give way.
				_, _ = tx.Exec(ctx, "SELECT FROM checkpoint."+table+" WHERE key = $1 FOR UPDATE", key)
				time.Sleep(hold / 4)
			}
		}
		_ = tx.Rollback(ctx)
	}
}

// postgresAt connects to a database that has the tables.
func postgresAt(t *testing.T, url string) engine {
	t.Helper()
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	return postgresOver(t, config)
}

func postgresOver(t *testing.T, config *pgxpool.Config) engine {
	t.Helper()
	config.ConnConfig.ConnectTimeout = 4 * answerWithin
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	d, err := pgstore.New(pool, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return impatient{d}
}

// migrated returns a server with the tables.
func migrated(t *testing.T, config ...string) *pgtest.Server {
	t.Helper()
	s := pgtest.Start(t, config...)
	s.SQL("postgres", tables(t))
	s.SQL("postgres", "CHECKPOINT") // a server that loses writes keeps the tables
	return s
}

func tables(t *testing.T) string {
	t.Helper()
	sql, err := pgstore.SchemaSQL(nil)
	if err != nil {
		t.Fatal(err)
	}
	return sql
}

// impatient waits as long for an answer as the clients of other engines, which have a
// setting for it.
type impatient struct{ engine }

func (d impatient) Get(ctx context.Context, keys []string) ([]driver.Record, error) {
	return within(ctx, d.engine.Get, keys)
}

func (d impatient) Write(ctx context.Context, writes []driver.Write) ([]driver.Result, error) {
	return within(ctx, d.engine.Write, writes)
}

func (d impatient) Delete(ctx context.Context, keys []string) (int, error) {
	return within(ctx, d.engine.Delete, keys)
}

func (d impatient) Acquire(ctx context.Context, leases []driver.Lease) ([]driver.LeaseResult, error) {
	return within(ctx, d.engine.Acquire, leases)
}

func (d impatient) Renew(ctx context.Context, leases []driver.Lease) ([]driver.LeaseResult, error) {
	return within(ctx, d.engine.Renew, leases)
}

func (d impatient) Release(ctx context.Context, leases []driver.Lease) ([]driver.LeaseResult, error) {
	return within(ctx, d.engine.Release, leases)
}

func (d impatient) RaiseFence(ctx context.Context, key string, atLeast uint64) (uint64, error) {
	raise := func(ctx context.Context, key string) (uint64, error) { return d.engine.RaiseFence(ctx, key, atLeast) }
	return within(ctx, raise, key)
}

func within[In, Out any](ctx context.Context, call func(context.Context, In) (Out, error), in In) (Out, error) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	return call(ctx, in)
}
