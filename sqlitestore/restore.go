package sqlitestore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	sqlite3 "modernc.org/sqlite/lib"
)

// A Restored says what [Restore] did.
type Restored struct {
	Checkpoints int // that the copy has
	Fences      int // that were raised
}

// Restore brings the checkpoints of the store at path back to those of the copy from,
// which [Driver.Backup] or "VACUUM INTO" has made. The store changes in one transaction,
// or stays as it is. Every process that uses the store must close it first. Otherwise the
// error is [ErrInUse].
//
// Restore ends every lease. It raises every fence above each epoch that the copy or
// the store has seen, so that no earlier owner can write on with its epoch. If there
// is no store at path, Restore cannot know which epochs the store has granted since
// the copy was made. Then it raises the fence of every key by 2^32. Restore makes no file
// beside the WAL or the rollback journal of a store that is gone: whoever moves a store
// away moves its path-wal, path-shm and path-journal, too.
//
// Restore leaves an audit entry at each key that it changes. The context names the actor
// ([driver.WithBy]). The audit entries, the samples and the reports of the store stay. If
// there is no store at path, it gets those of the copy.
func Restore(ctx context.Context, path, from string) (Restored, error) {
	to, err := filepath.Abs(path)
	if err == nil {
		from, err = filepath.Abs(from)
	}
	var done Restored
	if err == nil {
		done, err = restore(ctx, to, from)
	}
	if err != nil {
		return Restored{}, fmt.Errorf("sqlitestore: restore %s: %w", path, cause(ctx, sayWhatToDo(err)))
	}
	return done, nil
}

// ErrInUse is the error of [Restore] for a store that is open.
var ErrInUse = errors.New("the store is in use")

func restore(ctx context.Context, to, from string) (done Restored, err error) {
	there, err := look(to)
	if err != nil {
		return done, err
	}
	if there {
		if err := inspect(ctx, to); err != nil {
			return done, ifDamaged(err)
		}
	}
	if err := checkCopy(ctx, from, to); err != nil {
		return done, fmt.Errorf("the copy %s: %w", from, err)
	}
	// The copy stays as it is. The draft gets today's schema.
	err = withDraft(to, func(name string) error {
		if err := copyTo(ctx, from, name); err != nil {
			return fmt.Errorf("the copy %s: %w", from, err)
		}
		if there {
			done, err = restoreInto(ctx, to, name)
			return err
		}
		if done, err = restoreNew(ctx, name); err != nil {
			return err
		}
		if err := publish(name, to); err != nil {
			return err
		}
		return syncFolder(filepath.Dir(to))
	})
	return done, err
}

// restoreNew turns a copy into a store if there was no store.
func restoreNew(ctx context.Context, name string) (done Restored, err error) {
	err = alone(ctx, name, func(conn *sql.Conn) error {
		done, err = newRestoration(ctx, conn, "main").run(ctx)
		return err
	})
	if err != nil {
		return done, err
	}
	return done, syncFile(name)
}

// restoreInto replaces the content of the store at path with the content of a
// copy.
func restoreInto(ctx context.Context, path, name string) (done Restored, err error) {
	err = alone(ctx, path, func(conn *sql.Conn) error {
		if err := checkIntegrity(ctx, conn); err != nil {
			return err
		}
		if err := migrate(ctx, conn, existing); err != nil {
			return err
		}
		if _, err := conn.ExecContext(ctx, "ATTACH ? AS copy", name); err != nil {
			return err
		}
		done, err = newRestoration(ctx, conn, "copy").run(ctx)
		return err
	})
	return done, ifDamaged(err)
}

// ifDamaged says what to do about a store whose epochs cannot be read.
func ifDamaged(err error) error {
	if code := primaryCode(err); code == sqlite3.SQLITE_CORRUPT || code == sqlite3.SQLITE_NOTADB || errors.Is(err, errDamaged) {
		return fmt.Errorf("%w; move it away with its -wal, its -shm and its -journal, and restore again", err)
	}
	return err
}

// patience is how long a restore waits for processes that only look at the
// store.
const patience = time.Second

// alone runs f on the only connection to the file, and keeps others out. SQLite
// leaves WAL mode, and removes the WAL, only if no other connection is open.
func alone(ctx context.Context, path string, f func(*sql.Conn) error) (err error) {
	db, err := sql.Open("sqlite", dsn(path, string(existing), "_pragma=busy_timeout(0)", durable,
		"_pragma=locking_mode(EXCLUSIVE)", "_pragma=ignore_check_constraints(1)"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var conn *sql.Conn
	err = wait{path, patience}.whileBusy(ctx, func() error {
		c, err := db.Conn(ctx)
		if err != nil {
			return err
		}
		if err := leaveWAL(ctx, c); err != nil {
			return errors.Join(err, c.Close())
		}
		conn = c
		return nil
	})
	if errors.Is(err, ErrLocked) {
		return fmt.Errorf("%w%s: stop every process that has it open, and restore again", ErrInUse, userOf(path))
	}
	if err != nil {
		return err
	}
	return errors.Join(f(conn), conn.Close())
}

func leaveWAL(ctx context.Context, conn *sql.Conn) error {
	var mode string
	if err := conn.QueryRowContext(ctx, "PRAGMA journal_mode = DELETE").Scan(&mode); err != nil {
		return err
	}
	if mode != "delete" {
		return fmt.Errorf("SQLite keeps it in journal mode %q", mode)
	}
	return nil
}
