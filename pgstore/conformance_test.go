package pgstore_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/internal/pgtest"
	"github.com/checkpointstore/checkpoint/pgstore"
	"github.com/checkpointstore/checkpoint/storetest"
)

// placed is a driver that remembers its schema for the harness.
type placed struct {
	*pgstore.Driver
	url, schema string
}

func TestConformance(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t, "max_connections=300")
	storetest.Run(t, harness(server, server.URL("postgres")))
}

// The two suites mostly wait, so they go side by side.
func TestConformanceWithoutShortcuts(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t, "max_connections=300")
	storetest.Run(t, harnessWith(pgstore.Options{NoShortcuts: true}, server, server.URL("postgres")))
}

func harness(server *pgtest.Server, via string) storetest.Harness {
	return harnessWith(pgstore.Options{}, server, via)
}

// harnessWith makes a schema for each driver. A driver has the options o, and reaches the
// server at via.
func harnessWith(o pgstore.Options, server *pgtest.Server, via string) storetest.Harness {
	var schemas atomic.Int32
	at := func(tb testing.TB, schema string) *pgstore.Driver {
		tb.Helper()
		o := o
		o.Schema = schema
		return open(tb, via, &o)
	}
	return storetest.Harness{
		Open: func(tb testing.TB) driver.Driver {
			tb.Helper()
			p := placed{url: server.URL("postgres"), schema: fmt.Sprintf("Store %d", schemas.Add(1))}
			sql, err := pgstore.SchemaSQL(&pgstore.Options{Schema: p.schema})
			if err != nil {
				tb.Fatal(err)
			}
			execute(tb, p.url, sql)
			execute(tb, p.url, grants("PUBLIC", p.schema)...)
			p.Driver = at(tb, p.schema)
			return p
		},
		Reopen: func(tb testing.TB, d driver.Driver) driver.Driver {
			tb.Helper()
			p := placeOf(d)
			p.Driver = at(tb, p.schema)
			return p
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
				for deadline := time.Now().Add(time.Minute); !answers(tb, via) && time.Now().Before(deadline); {
					time.Sleep(20 * time.Millisecond) // a pooler remembers for a while that it failed
				}
			}
		},
	}
}

func answers(tb testing.TB, url string) bool {
	tb.Helper()
	ctx := context.WithoutCancel(tb.Context())
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return false
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, "SELECT 1")
	return err == nil
}

// damage edits a row by hand, and does not mind the constraints.
func damage(table, set string) func(testing.TB, driver.Driver, string) {
	return func(tb testing.TB, d driver.Driver, key string) {
		tb.Helper()
		p := placeOf(d)
		execute(tb, p.url, withoutChecks(p.schema),
			`UPDATE "`+p.schema+`".`+table+" SET "+set+" WHERE key = '"+strings.ReplaceAll(key, "'", "''")+"'")
	}
}

// withoutChecks removes the constraints of a schema's tables except those on the keys.
func withoutChecks(schema string) string {
	return `DO $$ DECLARE c record; BEGIN
		FOR c IN SELECT conname, contypid::regtype AS domain, conrelid::regclass AS owner FROM pg_constraint
			WHERE connamespace = '"` + schema + `"'::regnamespace AND contype = 'c' LOOP
			IF c.domain <> 0 THEN
				EXECUTE format('ALTER DOMAIN %s DROP CONSTRAINT %I', c.domain, c.conname);
			ELSE
				EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', c.owner, c.conname);
			END IF;
		END LOOP;
		FOR c IN SELECT attname, attrelid::regclass AS owner FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
			WHERE relnamespace = '"` + schema + `"'::regnamespace AND relkind = 'r'
			AND attnum > 0 AND attnotnull AND attname NOT IN ('namespace', 'key', 'n', 'one', 'at', 'instance') LOOP
			EXECUTE format('ALTER TABLE %s ALTER COLUMN %I DROP NOT NULL', c.owner, c.attname);
		END LOOP;
	END $$`
}
