package pgstore_test

import (
	"strings"
	"testing"

	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/internal/pgtest"
	"github.com/checkpointstore/checkpoint/pgstore"
	"github.com/checkpointstore/checkpoint/storetest"
)

// placed is a driver that remembers its database for the harness.
type placed struct {
	*pgstore.Driver
	url string
}

func TestConformance(t *testing.T) {
	server := pgtest.Start(t, "max_connections=300")
	storetest.Run(t, harness(server, func(url string) string { return url }))
}

// harness makes a database for each driver. A driver reaches its database at via(url).
func harness(server *pgtest.Server, via func(url string) string) storetest.Harness {
	return storetest.Harness{
		Open: func(tb testing.TB) driver.Driver {
			tb.Helper()
			url := server.NewDatabase()
			sql, err := pgstore.SchemaSQL(nil)
			if err != nil {
				tb.Fatal(err)
			}
			execute(tb, url, sql)
			return placed{open(tb, via(url), nil), url}
		},
		Reopen: func(tb testing.TB, d driver.Driver) driver.Driver {
			tb.Helper()
			url := d.(placed).url
			return placed{open(tb, via(url), nil), url}
		},
		Damage:      damage("checkpoints", "commit_position = -1"),
		DamageFence: damage("checkpoint_fences", "epoch = 0"),
		DamageLease: damage("checkpoint_fences", "lease_expires_at = NULL"),
		Outage: func(tb testing.TB, d driver.Driver) func() {
			tb.Helper()
			server.Kill()
			return func() {
				tb.Helper()
				server.Restart()
			}
		},
	}
}

// damage edits a row by hand, and does not mind the constraints.
func damage(table, set string) func(testing.TB, driver.Driver, string) {
	return func(tb testing.TB, d driver.Driver, key string) {
		tb.Helper()
		execute(tb, d.(placed).url, withoutChecks(table),
			"UPDATE checkpoint."+table+" SET "+set+" WHERE key = '"+strings.ReplaceAll(key, "'", "''")+"'")
	}
}

// withoutChecks removes the constraints of a table except those on the key.
func withoutChecks(table string) string {
	return `DO $$ DECLARE name text; BEGIN
		FOR name IN SELECT conname FROM pg_constraint WHERE conrelid = 'checkpoint.` + table + `'::regclass AND contype = 'c' LOOP
			EXECUTE format('ALTER TABLE checkpoint.` + table + ` DROP CONSTRAINT %I', name);
		END LOOP;
		FOR name IN SELECT attname FROM pg_attribute WHERE attrelid = 'checkpoint.` + table + `'::regclass
			AND attnum > 0 AND attnotnull AND attname NOT IN ('namespace', 'key') LOOP
			EXECUTE format('ALTER TABLE checkpoint.` + table + ` ALTER COLUMN %I DROP NOT NULL', name);
		END LOOP;
	END $$`
}
