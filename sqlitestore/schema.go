package sqlitestore

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strconv"

	sqlite3 "modernc.org/sqlite/lib"
)

// applicationID marks a file as ours: "CkPt" in ASCII.
const applicationID = 0x436b5074

//go:embed schema1.sql
var schema1 string

//go:embed schema2.sql
var schema2 string

// Each of the migrations leads from one schema version to the next. The file
// holds its version as user_version. A file of version 0 is empty.
var migrations = []string{schema1, schema2}

// additions are columns that the schema lacks and that earlier releases leave
// alone. They make no new version, since earlier releases would refuse a new
// version.
var additions = []struct{ table, column string }{
	{"fences", "raised"},     // the epoch, a space, and when the fence was raised to it
	{"leases", "granted_at"}, // when the lease was granted or last renewed
}

// moreTables are tables that the schema lacks, likewise.
var moreTables = []struct{ name, create string }{
	{"audit", auditTable}, {"samples", samplesTable}, {"reports", reportsTable},
}

// missing returns the statements that add the additions that the file lacks. A
// file without tables lacks all of them.
func missing(ctx context.Context, conn *sql.Conn) (statements []string, err error) {
	for _, a := range additions {
		var n int
		err := conn.QueryRowContext(ctx, "SELECT count(*) FROM pragma_table_info(?) WHERE name = ?", a.table, a.column).Scan(&n)
		if err != nil {
			return nil, err
		}
		if n == 0 {
			statements = append(statements, "ALTER TABLE "+a.table+" ADD COLUMN "+a.column+" TEXT")
		}
	}
	for _, t := range moreTables {
		var there bool
		err := conn.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ?", t.name).Scan(&there)
		if err != nil {
			return nil, err
		}
		if !there {
			statements = append(statements, t.create)
		}
	}
	return statements, nil
}

// A header is what a file says about itself.
type header struct {
	applicationID int64
	version       int
	tables        int
}

// readHeader reads all fields of a header at one moment: conn must be within a
// transaction.
func readHeader(ctx context.Context, conn *sql.Conn) (header, error) {
	var h header
	err := conn.QueryRowContext(ctx, "PRAGMA application_id").Scan(&h.applicationID)
	if err == nil {
		err = conn.QueryRowContext(ctx, "PRAGMA user_version").Scan(&h.version)
	}
	if err == nil && h.applicationID == 0 {
		err = conn.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&h.tables)
	}
	return h, err
}

// ErrNotOurs is the error of [Open] for a file that holds something else.
var ErrNotOurs = errors.New("the file is not a checkpoint store")

// ErrNewerSchema is the error of [Open] for a file that a later release wrote.
var ErrNewerSchema = errors.New("the file has a newer schema than this release knows")

// empty reports whether h is all zero. SQLite also treats any file that is too
// short for a header as empty.
func (h header) empty() bool { return h == header{} }

// check returns an error if a file must be left alone.
func (h header) check() error {
	switch {
	case h.empty():
		return fmt.Errorf("%w: nothing marks it as a store; it was left as it is", ErrNotOurs)
	case h.applicationID != applicationID:
		return fmt.Errorf("%w: it is an SQLite database of another application; it was left as it is", ErrNotOurs)
	case h.version < 1:
		return fmt.Errorf("the file is damaged: it is marked as a checkpoint store, of schema version %d", h.version)
	case h.version > len(migrations):
		return fmt.Errorf("%w: version %d, this release knows up to %d; it was left as it is, use a newer release",
			ErrNewerSchema, h.version, len(migrations))
	}
	return nil
}

// inspect checks a file that is not empty. It writes nothing to the file or
// beside it, and does not wait for locks. It sees the file without its WAL,
// while another process may be moving the WAL into the file. So it sets
// writable_schema, with which SQLite tolerates pages that are not there yet.
// The file has its mark from the start.
func inspect(ctx context.Context, path string) error {
	db, err := sql.Open("sqlite", dsn(path, "mode=ro", "immutable=1", "_pragma=writable_schema(1)"))
	if err != nil {
		return err
	}
	defer db.Close()
	conn, err := db.Conn(ctx)
	var h header
	if err == nil {
		defer conn.Close()
		err = within(ctx, conn, "BEGIN", func() (err error) {
			h, err = readHeader(ctx, conn)
			if err == nil && h.tables > 0 {
				err = checkDump(ctx, conn)
			}
			return err
		})
	}
	none := primaryCode(err) == sqlite3.SQLITE_NOTADB
	switch {
	case (none || err == nil && h.empty()) && zeros(path):
		return errZeros
	case none:
		return fmt.Errorf("%w: it is not an SQLite database; it was left as it is", ErrNotOurs)
	case err != nil:
		return err
	}
	return h.check()
}

// migrate brings the file to the newest schema, in one transaction.
func migrate(ctx context.Context, conn *sql.Conn, m mode) error {
	var h header
	var lacking []string
	read := func() (err error) {
		if h, err = readHeader(ctx, conn); err == nil && (m == existing || !h.empty()) {
			err = h.check()
		}
		if err == nil {
			lacking, err = missing(ctx, conn)
		}
		return err
	}
	if err := within(ctx, conn, "BEGIN", read); err != nil || h.version == len(migrations) && len(lacking) == 0 {
		return err
	}
	return within(ctx, conn, "BEGIN IMMEDIATE", func() error {
		// Another process may have migrated the file meanwhile.
		if err := read(); err != nil {
			return err
		}
		todo := slices.Concat(migrations[h.version:], lacking, []string{
			"PRAGMA application_id = " + strconv.Itoa(applicationID), "PRAGMA user_version = " + strconv.Itoa(len(migrations)),
		})
		for _, statements := range todo {
			if _, err := conn.ExecContext(ctx, statements); err != nil {
				return err
			}
		}
		return nil
	})
}

// within runs f in a transaction. If ctx ends during the commit, SQLite commits all the same, so
// within waits for it.
func within(ctx context.Context, conn *sql.Conn, begin string, f func() error) error {
	if _, err := conn.ExecContext(ctx, begin); err != nil {
		return err
	}
	err := f()
	if err == nil {
		err = ctx.Err()
	}
	if err == nil {
		_, err = conn.ExecContext(context.WithoutCancel(ctx), "COMMIT")
	}
	if err != nil {
		_, _ = conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
	}
	return err
}
