package sqlitestore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Backup writes a copy of the store, as of one moment, to a new file at path.
// Others may write meanwhile. The copy is one file without a WAL. It is on the
// disk when Backup returns. [Restore] brings the store back to the copy.
func (d *Driver) Backup(ctx context.Context, path string) error {
	if err := d.ready(ctx); err != nil {
		return err
	}
	if err := d.backup(ctx, path); err != nil {
		return d.failure(ctx, fmt.Errorf("backup to %s: %w", path, err))
	}
	return nil
}

func (d *Driver) backup(ctx context.Context, path string) error {
	to, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	if _, err := os.Lstat(to); !errors.Is(err, fs.ErrNotExist) {
		return errTaken
	}
	if _, err := look(to); err != nil { // checks its folder, and that no WAL or journal is there already
		return err
	}
	db, err := sql.Open("sqlite", dsn(d.absolute, string(existing), "_pragma=busy_timeout(0)"))
	if err != nil {
		return err
	}
	defer db.Close()
	return withDraft(to, func(name string) error {
		err := d.wait.whileBusy(ctx, func() error {
			_, err := db.ExecContext(ctx, "VACUUM INTO ?", name)
			return err
		})
		// If the file was replaced, the copy may not be a copy of this store.
		if err = errors.Join(err, d.checkIdentity()); err != nil {
			return err
		}
		if err := syncFile(name); err != nil {
			return err
		}
		if err := publish(name, to); errors.Is(err, fs.ErrExist) {
			return errTaken
		} else if err != nil {
			return err
		}
		return syncFolder(filepath.Dir(to))
	})
}

var errTaken = errors.New("there is a file of this name, which stays: name another file")

// syncFile makes durable what SQLite leaves to the system. No connection may have
// the file open.
func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
