package sqlitestore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"

	sqlite3 "modernc.org/sqlite/lib"
)

// checkCopy refuses a copy that is damaged, or that is not one whole file.
func checkCopy(ctx context.Context, from, to string) error {
	info, err := os.Stat(from)
	switch {
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return errors.New("it is not a regular file")
	case info.Size() == 0:
		return errors.New("it is empty (0 bytes): name another copy")
	}
	if store, err := os.Stat(to); err == nil && os.SameFile(info, store) {
		return errors.New("it is the store itself: name a copy")
	}
	if err := checkWhole(resolve(from)); err != nil {
		return err
	}
	if err := inspect(ctx, from); err != nil {
		// Drop what err wraps, such as ErrNotOurs: a caller would take it for
		// an error about the store.
		return errors.New(err.Error())
	}
	return nil
}

// checkWhole refuses a copy that lacks what is in a WAL, or that a transaction has left half
// changed. The copy is read without either.
func checkWhole(from string) error {
	for _, beside := range []struct{ suffix, what string }{{"-wal", "WAL"}, {"-journal", "rollback journal"}} {
		info, err := os.Stat(from + beside.suffix)
		if err == nil && info.Size() > 0 {
			return fmt.Errorf("a %s is beside it (%s), so it is not one whole file: if the %[1]s belongs to it, "+
				"make one file of both by sqlite3 FILE \"VACUUM INTO 'whole.db'\", otherwise remove the %[1]s", beside.what, info.Name())
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// copyTo copies the file from to a new file, and brings the new file to the newest
// schema. It neither writes nor locks from.
func copyTo(ctx context.Context, from, name string) error {
	// A damaged checkpoint stays damaged. It is no reason to lose the others.
	db, err := sql.Open("sqlite", dsn(from, "mode=ro", "immutable=1", "_pragma=ignore_check_constraints(1)"))
	if err != nil {
		return err
	}
	defer db.Close()
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := checkIntegrity(ctx, conn); err != nil {
		return fmt.Errorf("%w; name another copy", err)
	}
	if _, err := conn.ExecContext(ctx, "VACUUM INTO ?", name); err != nil {
		return err
	}
	made, err := prepareFile(ctx, name, existing)
	if err != nil {
		return err
	}
	return made.close()
}

var errDamaged = errors.New("it is damaged")

func checkIntegrity(ctx context.Context, conn *sql.Conn) error {
	var verdict string
	err := conn.QueryRowContext(ctx, "PRAGMA integrity_check(1)").Scan(&verdict)
	if primaryCode(err) == sqlite3.SQLITE_CORRUPT {
		return fmt.Errorf("%w: %w", errDamaged, err)
	}
	if err != nil {
		return err
	}
	if verdict != "ok" {
		return fmt.Errorf("%w (%s)", errDamaged, verdict)
	}
	return nil
}
