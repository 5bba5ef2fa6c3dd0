package sqlitestore_test

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/sqlitestore"
	"github.com/checkpointstore/checkpoint/storetest"
)

func TestConformance(t *testing.T) { conform(t, sqlitestore.Options{}) }

func TestConformanceWithoutShortcuts(t *testing.T) {
	conform(t, sqlitestore.Options{NoShortcuts: true})
}

func conform(t *testing.T, o sqlitestore.Options) {
	t.Helper()
	storetest.Run(t, storetest.Harness{
		Open: func(tb testing.TB) driver.Driver {
			tb.Helper()
			return openWith(tb, filepath.Join(tb.TempDir(), "checkpoints.db"), o)
		},
		Reopen: func(tb testing.TB, d driver.Driver) driver.Driver {
			tb.Helper()
			return openWith(tb, d.(placed).path, o)
		},
		Damage:      damage("UPDATE checkpoints SET commit_position = '12' WHERE key = ?"),
		DamageFence: damage("UPDATE fences SET epoch = 'many' WHERE key = ?"),
		DamageLease: damage("UPDATE leases SET expires_at = 'soon' WHERE key = ?"),
		Outage: func(tb testing.TB, d driver.Driver) func() {
			tb.Helper()
			return outage(tb, d.(placed).path)
		},
	})
}

// placed is a driver that remembers its file for the harness.
type placed struct {
	*sqlitestore.Driver
	path string
}

func openAt(tb testing.TB, path string) placed {
	tb.Helper()
	return openWith(tb, path, sqlitestore.Options{})
}

func openWith(tb testing.TB, path string, o sqlitestore.Options) placed {
	tb.Helper()
	o.BusyTimeout = 5 * time.Second
	d, err := sqlitestore.Open(tb.Context(), path, &o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { d.Close() })
	return placed{d, path}
}

// shell opens the file as an operator's sqlite3 shell does.
func shell(tb testing.TB, path string) *sql.Conn {
	tb.Helper()
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(5000)")
	if err != nil {
		tb.Fatal(err)
	}
	conn, err := db.Conn(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		conn.Close()
		db.Close()
	})
	return conn
}

func run(tb testing.TB, conn *sql.Conn, statement string, args ...any) {
	tb.Helper()
	if _, err := conn.ExecContext(context.WithoutCancel(tb.Context()), statement, args...); err != nil {
		tb.Fatalf("%s: %v", statement, err)
	}
}

func damage(statement string) func(testing.TB, driver.Driver, string) {
	return func(tb testing.TB, d driver.Driver, key string) {
		tb.Helper()
		conn := shell(tb, d.(placed).path)
		run(tb, conn, "PRAGMA ignore_check_constraints = ON")
		run(tb, conn, statement, key)
	}
}

// outage makes SQLite answer SQLITE_BUSY to whoever reads or writes: another
// connection holds the lock that writing takes, and the index of the log is
// wiped, which takes the same lock to rebuild.
func outage(tb testing.TB, path string) (restore func()) {
	tb.Helper()
	conn := shell(tb, path)
	run(tb, conn, "BEGIN IMMEDIATE")
	shm, err := os.OpenFile(path+"-shm", os.O_WRONLY, 0)
	if err != nil {
		tb.Fatal(err)
	}
	// The two copies of its header. Closing the file here would drop the locks
	// that this process holds on it.
	if _, err := shm.WriteAt(make([]byte, 96), 0); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { shm.Close() })
	return func() {
		tb.Helper()
		run(tb, conn, "ROLLBACK")
	}
}
