package pgstore_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/internal/pgtest"
	"github.com/checkpointstore/checkpoint/pgstore"
)

func TestTenProcessesMigrateAtOnce(t *testing.T) {
	url := pgtest.Shared(t).NewDatabase()
	errs := make([]error, 10)
	var all sync.WaitGroup
	for i := range errs {
		pool := newPool(t, url)
		all.Go(func() { errs[i] = pgstore.Migrate(t.Context(), pool, nil) })
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	if version := pgtest.Shared(t).SQLAt(url, "SELECT version FROM checkpoint.checkpoint_schema"); version != "2" {
		t.Errorf("the tables have version %s", version)
	}
	put(t, open(t, url, nil), "k", 1)
}

// A migration that waited for another one sees its tables, whatever the database's level.
func TestMigrateAfterAnotherAtAnyIsolationLevel(t *testing.T) {
	url := pgtest.Shared(t).NewDatabase()
	execute(t, url, "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_isolation = serializable', current_database()); END $$")
	sql, err := pgstore.SchemaSQL(nil)
	if err != nil {
		t.Fatal(err)
	}
	other, err := newPool(t, url).Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer other.Rollback(context.WithoutCancel(t.Context()))
	for _, s := range []string{fmt.Sprintf("SELECT pg_advisory_xact_lock(%d)", 0x436b5074), sql} {
		if _, err := other.Exec(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	pool := newPool(t, url)
	done := make(chan error, 1)
	go func() { done <- pgstore.Migrate(context.WithoutCancel(t.Context()), pool, nil) }()
	waitsForLock(t, url)
	if err := other.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Errorf("Migrate: %v", err)
	}
}

// Missing tables are no empty store.
func TestMissingTables(t *testing.T) {
	url := pgtest.Shared(t).NewDatabase()
	if _, err := pgstore.Open(t.Context(), url, nil); !notMigrated(err) {
		t.Errorf("Open: %v", err)
	}
	d, err := pgstore.New(newPool(t, url), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	store := checkpoint.New(d, nil)
	for range 2 {
		if _, err := store.Get(t.Context(), "k"); !notMigrated(err) {
			t.Errorf("Get: %v", err)
		}
		if err := store.Set(t.Context(), "k", checkpoint.Position{}); !notMigrated(err) {
			t.Errorf("Set: %v", err)
		}
	}
	if err := pgstore.Migrate(t.Context(), newPool(t, url), nil); err != nil {
		t.Fatal(err)
	}
	put(t, d, "k", 1)
	execute(t, url, "DROP SCHEMA checkpoint CASCADE")
	if _, err := store.Get(t.Context(), "k"); !notMigrated(err) {
		t.Errorf("Get after the tables are gone: %v", err)
	}
	if _, err := store.SetIfNewer(t.Context(), "k", checkpoint.Position{Commit: 2}); !notMigrated(err) {
		t.Errorf("SetIfNewer after the tables are gone: %v", err)
	}
}

func notMigrated(err error) bool {
	return errors.Is(err, pgstore.ErrNotMigrated) && !errors.Is(err, driver.ErrNotFound) && strings.Contains(driver.Hint(err), "Migrate")
}

func TestAutoMigrate(t *testing.T) {
	url := pgtest.Shared(t).NewDatabase()
	d, err := pgstore.New(newPool(t, url), &pgstore.Options{AutoMigrate: true})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	put(t, d, "k", 1)
}

func TestOlderTablesAreMigrated(t *testing.T) {
	url := pgtest.Shared(t).NewDatabase()
	first, err := os.ReadFile("schema1.sql")
	if err != nil {
		t.Fatal(err)
	}
	execute(t, url, "CREATE SCHEMA checkpoint", strings.ReplaceAll(string(first), "{schema}", "checkpoint"),
		"INSERT INTO checkpoint.checkpoints (namespace, key, commit_position, prepare_position, updated_at) VALUES ('', 'k', 7, 7, now())")
	if _, err := pgstore.Open(t.Context(), url, nil); !notMigrated(err) {
		t.Errorf("Open: %v", err)
	}
	d := open(t, url, &pgstore.Options{AutoMigrate: true})
	if records, err := d.Get(t.Context(), []string{"k"}); err != nil || records[0].Position.Commit != 7 {
		t.Errorf("Get: %+v, %v", records, err)
	}
	if err := checkpoint.New(d, nil).Set(t.Context(), "k", checkpoint.Position{Commit: 1}); err != nil {
		t.Error(err)
	}
	if entries, err := d.History(t.Context(), "k", 9); err != nil || len(entries) != 1 || entries[0].Old.Commit != 7 {
		t.Errorf("History: %+v, %v", entries, err)
	}
}

func TestNewerSchemaIsRefused(t *testing.T) {
	url := newDatabase(t)
	execute(t, url, "UPDATE checkpoint.checkpoint_schema SET version = 3")
	for _, opts := range []*pgstore.Options{nil, {AutoMigrate: true}} {
		if _, err := pgstore.Open(t.Context(), url, opts); !errors.Is(err, pgstore.ErrNewerSchema) {
			t.Errorf("Open: %v", err)
		}
	}
	if err := pgstore.Migrate(t.Context(), newPool(t, url), nil); !errors.Is(err, pgstore.ErrNewerSchema) {
		t.Errorf("Migrate: %v", err)
	}
}

// Without the row of the version a change has no clock either. It must not decide.
func TestVersionThatIsGoneIsAnError(t *testing.T) {
	url := newDatabase(t)
	d := open(t, url, nil)
	store := checkpoint.New(d, nil)
	put(t, d, "k", 1)
	lease(t, d, "leased")
	const ends = "SELECT lease_expires_at::text FROM checkpoint.checkpoint_fences"
	before := pgtest.Shared(t).SQLAt(url, ends)
	execute(t, url, "DELETE FROM checkpoint.checkpoint_schema")
	if updated, err := store.SetIfNewer(t.Context(), "new", checkpoint.Position{Commit: 1}, checkpoint.TTL(time.Hour)); err == nil {
		t.Errorf("SetIfNewer without the row of the version: %t", updated)
	}
	var held *checkpoint.LeaseHeldError
	if _, err := store.Acquire(t.Context(), "leased", "b", time.Hour); err == nil || errors.As(err, &held) {
		t.Errorf("Acquire without the row of the version: %v", err)
	}
	on, err := newPool(t, url).Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer on.Rollback(context.WithoutCancel(t.Context()))
	within, err := pgstore.OnTx(on, nil)
	if err != nil {
		t.Fatal(err)
	}
	updated, err := checkpoint.New(within, nil).SetIfNewer(t.Context(), "other", checkpoint.Position{Commit: 1}, checkpoint.TTL(time.Hour))
	if err == nil {
		t.Errorf("SetIfNewer in a transaction without the row of the version: %t", updated)
	}
	if got := pgtest.Shared(t).SQLAt(url, "SELECT count(*) FROM checkpoint.checkpoints"); got != "1" {
		t.Errorf("there are %s checkpoints, want 1", got)
	}
	if after := pgtest.Shared(t).SQLAt(url, ends); after != before {
		t.Errorf("the lease ends at %s, want %s", after, before)
	}
	_, err = pgstore.Open(t.Context(), url, nil)
	if err == nil {
		t.Fatal("Open without the row of the version is no error")
	}
	_, remedy, _ := strings.Cut(err.Error(), "INSERT")
	execute(t, url, "INSERT"+remedy)
	put(t, open(t, url, nil), "k", 2)
}

// A schema has any name, and a person may apply the SQL.
func TestSchemaSQL(t *testing.T) {
	opts := &pgstore.Options{Schema: `My "odd" schema; --`}
	sql, err := pgstore.SchemaSQL(opts)
	if err != nil {
		t.Fatal(err)
	}
	url := pgtest.Shared(t).NewDatabase()
	execute(t, url, sql)
	put(t, open(t, url, opts), "k", 1)
	if err := pgstore.Migrate(t.Context(), newPool(t, url), opts); err != nil {
		t.Error(err)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for _, opts := range []pgstore.Options{
		{Schema: strings.Repeat("s", 64)}, {Schema: "a\x00"}, {Schema: "\xff"}, {Namespace: "a\n"}, {Namespace: strings.Repeat("n", 513)},
	} {
		if _, err := pgstore.New(nil, &opts); err == nil {
			t.Errorf("New accepts %+v", opts)
		}
		if _, err := pgstore.SchemaSQL(&opts); err == nil {
			t.Errorf("SchemaSQL accepts %+v", opts)
		}
		if err := pgstore.Migrate(t.Context(), nil, &opts); err == nil {
			t.Errorf("Migrate accepts %+v", opts)
		}
	}
}

func TestNamespacesAreApart(t *testing.T) {
	url := newDatabase(t)
	one, other := open(t, url, &pgstore.Options{Namespace: "a"}), open(t, url, &pgstore.Options{Namespace: "a:"})
	put(t, one, ":k", 1)
	put(t, other, "k", 2)
	lease(t, one, ":k")
	for _, d := range []*pgstore.Driver{open(t, url, nil), other} {
		if got := keysOf(t, d); strings.Contains(got, ":k") {
			t.Errorf("another namespace sees the keys %s", got)
		}
	}
	if _, err := checkpoint.New(other, nil).Clear(t.Context(), "*"); err != nil {
		t.Fatal(err)
	}
	if got := keysOf(t, one); got != ":k" {
		t.Errorf("after Clear of another namespace the keys are %q", got)
	}
}

func keysOf(t *testing.T, d *pgstore.Driver) string {
	t.Helper()
	var keys []string
	for page, err := range d.ScanCells(context.WithoutCancel(t.Context()), "*", 10) {
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range page {
			keys = append(keys, c.Key)
		}
	}
	return strings.Join(keys, ",")
}

// A change that takes the longer way notices that the tables are no longer those that the driver
// knows. Without the shortcuts every write does.
func TestVersionThatChangesMeanwhile(t *testing.T) {
	for name, spoiled := range map[string]struct{ sql, want string }{
		"newer": {"UPDATE checkpoint.checkpoint_schema SET version = 3", pgstore.ErrNewerSchema.Error()},
		"gone":  {"DELETE FROM checkpoint.checkpoint_schema", "is empty"},
	} {
		for _, apart := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, NoShortcuts %t", name, apart), func(t *testing.T) {
				url := newDatabase(t)
				d := open(t, url, &pgstore.Options{NoShortcuts: apart})
				store := checkpoint.New(d, nil)
				put(t, d, "k", 1)
				execute(t, url, spoiled.sql)
				refused := func(what string, err error) {
					t.Helper()
					if err == nil || !strings.Contains(err.Error(), spoiled.want) {
						t.Errorf("%s: %v; want %q", what, err, spoiled.want)
					}
				}
				_, err := store.SetIfNewer(t.Context(), "new", checkpoint.Position{Commit: 2})
				refused("the first write of a key", err)
				refused("Set", store.Set(t.Context(), "k", checkpoint.Position{Commit: 2}))
				if apart {
					_, err = store.SetIfNewer(t.Context(), "k", checkpoint.Position{Commit: 2})
					refused("SetIfNewer", err)
				}
				if landed := pgtest.Shared(t).SQLAt(url, "SELECT count(*) FROM checkpoint.checkpoints WHERE commit_position > 1"); landed != "0" {
					t.Errorf("%s writes have landed", landed)
				}
			})
		}
	}
}

// TestRestoreUnderWay does not look like an empty store: pg_restore makes the tables empty, and
// fills them one after another.
func TestRestoreUnderWay(t *testing.T) {
	url := newDatabase(t)
	d := open(t, url, nil)
	put(t, d, "k", 1)
	execute(t, url, "TRUNCATE checkpoint.checkpoints, checkpoint.checkpoint_schema")
	ctx := t.Context()
	for name, call := range map[string]func() error{
		"Get":       func() error { return second(d.Get(ctx, []string{"k"})) },
		"Get of 2":  func() error { return second(d.Get(ctx, []string{"k", "l"})) },
		"Scan":      func() error { return lastOf(d.Scan(ctx, "*", 10)) },
		"Inspect":   func() error { return second(d.Inspect(ctx, []string{"k"})) },
		"ScanCells": func() error { return lastOf(d.ScanCells(ctx, "*", 10)) },
		"History":   func() error { return second(d.History(ctx, "k", 1)) },
		"Samples":   func() error { return second(d.Samples(ctx, "k")) },
		"Reports":   func() error { return second(d.Reports(ctx, []string{"k"})) },
		"Write":     func() error { return write(ctx, d, ifNewer("k", 2)).Err },
	} {
		says(t, call(), "is empty", "")
		if t.Failed() {
			t.Fatal(name)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func lastOf[T any](walk iter.Seq2[T, error]) (last error) {
	for _, err := range walk {
		last = err
	}
	return last
}
