package pgstore_test

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/internal/pgtest"
	"github.com/checkpointstore/checkpoint/pgstore"
)

// with returns the URL of a database with a setting of the session.
func with(database, setting string) string {
	return database + "&" + setting
}

// failed expects that a write has not landed, and says why and what to do.
func failed(t *testing.T, r driver.Result, text, hint string) {
	t.Helper()
	if r.Outcome != driver.Failed {
		t.Errorf("the outcome is %s", r.Outcome)
	}
	says(t, r.Err, text, hint)
}

func says(t *testing.T, err error, text, hint string) {
	t.Helper()
	if err == nil || errors.Is(err, driver.ErrNotFound) || !strings.Contains(err.Error(), text) || !strings.Contains(driver.Hint(err), hint) {
		t.Errorf("the error is %v, hint %q; want %q, %q", err, driver.Hint(err), text, hint)
	}
}

// stays expects the checkpoint at position 1.
func stays(t *testing.T, d driver.Driver, key string) {
	t.Helper()
	if cp, err := checkpoint.New(d, nil).Get(t.Context(), key); err != nil || cp.Position.Commit != 1 {
		t.Errorf("the checkpoint is %v, %v", cp, err)
	}
}

// Limits of time end a write that waits for a lock, and nothing of it lands.
func TestTimeouts(t *testing.T) {
	database := newDatabase(t)
	for _, limit := range []struct{ setting, text, hint string }{
		{"statement_timeout=1000", "canceled the statement", "statement_timeout"},
		{"lock_timeout=100", "keeps the rows locked", "lock_timeout"},
	} {
		t.Run(limit.setting, func(t *testing.T) {
			d, unlimited := open(t, with(database, limit.setting), nil), open(t, database, nil)
			put(t, unlimited, limit.setting, 1)
			on := locks(t, database, limit.setting)
			for _, w := range []driver.Write{ifNewer(limit.setting, 2), set(limit.setting, 2)} {
				failed(t, write(t.Context(), d, w), limit.text, limit.hint)
			}
			stays(t, unlimited, limit.setting)
			on.Rollback(t.Context())
			put(t, unlimited, limit.setting, 2)
		})
	}
	t.Run("statement_timeout of a read", func(t *testing.T) {
		d := open(t, with(database, "statement_timeout=1000"), nil)
		lockTable(t, database, "checkpoints")
		_, err := d.Get(t.Context(), []string{"k"})
		says(t, err, "canceled the statement", "statement_timeout")
	})
}

// The server ends sessions that stand still. What such a session had not committed has
// certainly not landed.
func TestIdleTimeouts(t *testing.T) {
	database := newDatabase(t)
	t.Run("in a transaction", func(t *testing.T) {
		d := open(t, database, nil)
		put(t, d, "k", 1)
		err := inPgxTx(newPool(t, with(database, "idle_in_transaction_session_timeout=1000")+"&application_name=idle"))(t.Context(), func(d driver.Driver) error {
			if r := write(t.Context(), d, ifNewer("k", 2)); r.Err != nil {
				t.Fatal(r.Err)
			}
			ended(t, database)
			r := write(t.Context(), d, ifNewer("k", 3))
			failed(t, r, "waited for its client", "idle_in_transaction_session_timeout")
			return r.Err
		})
		if err == nil {
			t.Error("the transaction commits")
		}
		stays(t, d, "k")
	})
	t.Run("between transactions", func(t *testing.T) {
		if pgtest.Shared(t).SQL("postgres", "SELECT current_setting('server_version_num')::int >= 140000") != "t" {
			t.Skip("PostgreSQL 14 has idle_session_timeout")
		}
		idle := open(t, with(database, "idle_session_timeout=1000")+"&application_name=idle", nil)
		for n := range uint64(3) {
			ended(t, database)
			// A write right after the server has ended the session fails, or goes over a new one.
			if r := write(t.Context(), idle, ifNewer("idle", n+1)); r.Err != nil {
				failed(t, r, "ended an idle connection", "idle_session_timeout")
			}
		}
	})
}

// ended waits until the server has ended the sessions with the name idle.
func ended(t *testing.T, database string) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if pgtest.Shared(t).SQLAt(database, "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'idle' AND datname = current_database()") == "0" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the server does not end the session")
		}
	}
}

func TestTooManyConnections(t *testing.T) {
	database := newDatabase(t)
	role(t, database, "crowded", "LOGIN CONNECTION LIMIT 1")
	execute(t, database, grants("crowded", "checkpoint")...)
	as := asRole(database, "crowded")
	held, err := pgx.Connect(t.Context(), as)
	if err != nil {
		t.Fatal(err)
	}
	_, err = pgstore.Open(t.Context(), as, nil)
	says(t, err, "no connection left", "max_connections")
	d, err := pgstore.New(newPool(t, as+"&pool_max_conns=1"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	failed(t, write(t.Context(), d, ifNewer("k", 1)), "no connection left", "max_connections")
	held.Close(t.Context())
	writable(t, d)
}

func TestLogins(t *testing.T) {
	server := pgtest.Start(t, "hba_file="+passwordsOnly(t))
	server.SQL("postgres", "CREATE ROLE app LOGIN PASSWORD 'right'")
	at := func(user, password, database string) string {
		return fmt.Sprintf("postgres://%s:%s@%s/%s?sslmode=disable", user, password, server.Addr(), database)
	}
	for name, login := range map[string]struct{ url, text, hint string }{
		"password": {at("app", "wrong-secret", "postgres"), "refuses the user", "password"},
		"role":     {at("nobody", "wrong-secret", "postgres"), "refuses the user", "user"},
		"database": {at("app", "right", "missing"), "no such database", "database"},
		"address":  {"postgres://app:wrong-secret@127.0.0.1:1/postgres?sslmode=disable", "cannot be reached", "address"},
		"TLS":      {strings.Replace(at("app", "right", "postgres"), "disable", "require", 1), "does not speak TLS", "sslmode"},
		"name":     {"postgres://app:wrong-secret@no-such-host.invalid/postgres?sslmode=disable", "cannot be reached", "address"},
	} {
		_, err := pgstore.Open(t.Context(), login.url, nil)
		says(t, err, login.text, login.hint)
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the error shows the password: %v", name, err)
		}
	}
	if _, err := pgstore.Open(t.Context(), "postgres://app:wrong-secret@host:port/", nil); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("a URL that is none: %v", err)
	}
}

// A server that ends or has ended fails every call. What it acknowledged is there again.
func TestServerThatEnds(t *testing.T) {
	server := pgtest.Start(t)
	database := server.URL("postgres")
	d := open(t, database, &pgstore.Options{AutoMigrate: true})
	put(t, d, "k", 1)
	server.Stop()
	for name, err := range calls(t, d) {
		if err == nil || errors.Is(err, driver.ErrNotFound) || driver.Hint(err) == "" {
			t.Errorf("%s: %v, hint %q", name, err, driver.Hint(err))
		}
	}
	failed(t, write(t.Context(), d, ifNewer("k", 2)), "cannot be reached", "runs")
	server.Restart()
	stays(t, d, "k")
	put(t, d, "k", 2)
}

// role makes a role that ends with the test.
func role(t *testing.T, database, name, options string) {
	t.Helper()
	execute(t, database, "DROP ROLE IF EXISTS "+name, "CREATE ROLE "+name+" "+options)
	t.Cleanup(func() { execute(t, database, "DROP OWNED BY "+name, "DROP ROLE "+name) })
}

func asRole(database, name string) string {
	u, err := url.Parse(database)
	if err != nil {
		panic(err)
	}
	u.User = url.User(name)
	return u.String()
}
