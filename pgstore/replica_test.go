package pgstore_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/internal/pgtest"
	"github.com/checkpointstore/checkpoint/pgstore"
)

// startPair starts a primary with a store, and a replica that has it too.
func startPair(t *testing.T) (primary, replica *pgtest.Server) {
	t.Helper()
	primary = pgtest.Start(t)
	sql, err := pgstore.SchemaSQL(nil)
	if err != nil {
		t.Fatal(err)
	}
	execute(t, primary.URL("postgres"), sql)
	put(t, open(t, primary.URL("postgres"), nil), "k", 1)
	return primary, pgtest.StartReplica(t, primary)
}

func both(primary, replica *pgtest.Server) string {
	return fmt.Sprintf("postgres://postgres@%s,%s/postgres?sslmode=disable", primary.Addr(), replica.Addr())
}

// calls makes each kind of call on a key that a replica may lack, and returns its error.
func calls(t *testing.T, d *pgstore.Driver) map[string]error {
	t.Helper()
	ctx, store, errs := t.Context(), checkpoint.New(d, nil), map[string]error{}
	_, errs["Get"] = store.Get(ctx, "late")
	_, errs["Exists"] = store.Exists(ctx, "late")
	for _, err := range store.Scan(ctx, "*") {
		errs["Scan"] = errors.Join(errs["Scan"], err)
	}
	_, errs["Inspect"] = store.Inspect(ctx, "late")
	errs["Delete"] = store.Delete(ctx, "late")
	_, errs["Acquire"] = store.Acquire(ctx, "late", "a", time.Minute)
	for name, w := range map[string]driver.Write{"SetIfNewer": ifNewer("late", 1), "Set": set("late", 1)} {
		errs[name] = write(ctx, d, w).Err
	}
	return errs
}

// refused expects every kind of call to fail with an error and a hint.
func refused(t *testing.T, d *pgstore.Driver, want error, hint string) {
	t.Helper()
	for name, err := range calls(t, d) {
		if !errors.Is(err, want) || errors.Is(err, driver.ErrNotFound) || !strings.Contains(driver.Hint(err), hint) {
			t.Errorf("%s: %v, hint %q", name, err, driver.Hint(err))
		}
	}
	if r := write(t.Context(), d, ifNewer("k", 100)); r.Outcome != driver.Failed {
		t.Errorf("the outcome is %s", r.Outcome)
	}
}

func TestReplicaIsRefused(t *testing.T) {
	primary, replica := startPair(t)
	url := replica.URL("postgres")
	for _, u := range []string{url, url + "&target_session_attrs=primary"} {
		if _, err := pgstore.Open(t.Context(), u, nil); !errors.Is(err, pgstore.ErrReplica) || !strings.Contains(driver.Hint(err), "name the primary") {
			t.Errorf("Open: %v, hint %q", err, driver.Hint(err))
		}
	}
	d, err := pgstore.New(newPool(t, url), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	refused(t, d, pgstore.ErrReplica, "name the primary")
	if err := pgstore.Migrate(t.Context(), newPool(t, url), nil); !errors.Is(err, pgstore.ErrReplica) {
		t.Errorf("Migrate: %v", err)
	}
	err = inPgxTx(newPool(t, url))(t.Context(), func(d driver.Driver) error {
		_, err := d.Get(t.Context(), []string{"late"})
		return err
	})
	if !errors.Is(err, pgstore.ErrReplica) {
		t.Errorf("Get of OnTx: %v", err)
	}
	// Among several servers Open finds the primary, in any order.
	put(t, open(t, both(replica, primary), nil), "k", 2)
}

// A driver that meets a replica after a failover refuses it, and works again when there
// is a primary, with what the replica had.
func TestFailover(t *testing.T) {
	primary, replica := startPair(t)
	opened := open(t, both(primary, replica), nil)
	pooled, err := pgstore.New(newPool(t, both(primary, replica)), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer pooled.Close()
	put(t, opened, "k", 2)
	put(t, pooled, "k", 3)
	caughtUp(t, primary, replica)
	primary.Kill()
	for _, d := range []*pgstore.Driver{opened, pooled} {
		calls(t, d) // over the connections that are lost
		refused(t, d, pgstore.ErrReplica, "name the primary")
	}
	replica.Promote()
	for i, d := range []*pgstore.Driver{opened, pooled} {
		writable(t, d)
		if cp, err := checkpoint.New(d, nil).Get(t.Context(), "k"); err != nil || cp.Position.Commit != 3 {
			t.Errorf("after the failover the checkpoint is %v, %v", cp, err)
		}
		put(t, d, "new", uint64(i+1))
	}
}

// A replica that a pool of New has met does not keep it from the primary that comes back.
func TestPrimaryThatComesBack(t *testing.T) {
	primary, replica := startPair(t)
	d, err := pgstore.New(newPool(t, both(primary, replica)), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	put(t, d, "k", 2)
	primary.Kill()
	calls(t, d)
	refused(t, d, pgstore.ErrReplica, "name the primary")
	primary.Restart()
	put(t, d, "k", 3)
	refusedNowhere(t, d)
}

func refusedNowhere(t *testing.T, d *pgstore.Driver) {
	t.Helper()
	for name, err := range calls(t, d) {
		if err != nil && !errors.Is(err, driver.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func caughtUp(t *testing.T, primary, replica *pgtest.Server) {
	t.Helper()
	end := primary.SQL("postgres", "SELECT pg_current_wal_flush_lsn()")
	settles(t, replica, "SELECT pg_last_wal_replay_lsn() >= '"+end+"'")
}

// settles waits until a query answers true.
func settles(t *testing.T, server *pgtest.Server, query string) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); server.SQL("postgres", query) != "t"; {
		if time.Now().After(deadline) {
			t.Fatalf("not true in time: %s", query)
		}
	}
}

// writable waits until d can write.
func writable(t *testing.T, d driver.Driver) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		r := write(t.Context(), d, ifNewer("probe", 1))
		if r.Err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the driver does not work again: %v", r.Err)
		}
	}
}

// A primary that takes no writes is read, and says why it does not write.
func TestReadOnlyDatabase(t *testing.T) {
	url := newDatabase(t)
	d := open(t, url, nil)
	put(t, d, "k", 1)
	name := pgx.Identifier{databaseOf(url)}.Sanitize()
	execute(t, url, "ALTER DATABASE "+name+" SET default_transaction_read_only = on")
	limited := open(t, url, nil)
	if cp, err := checkpoint.New(limited, nil).Get(t.Context(), "k"); err != nil || cp.Position.Commit != 1 {
		t.Errorf("Get: %v, %v", cp, err)
	}
	for _, w := range []driver.Write{ifNewer("k", 2), set("k", 2)} {
		r := write(t.Context(), limited, w)
		if r.Outcome != driver.Failed || !strings.Contains(driver.Hint(r.Err), "default_transaction_read_only") {
			t.Errorf("the write is %s, %v, hint %q", r.Outcome, r.Err, driver.Hint(r.Err))
		}
	}
	if _, err := pgstore.Open(t.Context(), url+"&target_session_attrs=read-write", nil); !strings.Contains(driver.Hint(err), "default_transaction_read_only") {
		t.Errorf("Open of target_session_attrs=read-write: %v, hint %q", err, driver.Hint(err))
	}
	execute(t, url, "SET default_transaction_read_only = off", "ALTER DATABASE "+name+" SET default_transaction_read_only = off")
	put(t, limited, "k", 2)
}
