package sqlitestore

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
)

// Open opens the file at path, or makes it, in a folder that exists. To make it, Open
// needs a disk that has hard links. Open makes no file if there is a WAL or a rollback journal
// for it already. Open refuses a file, and leaves it as it is, if
//
//   - it is not a checkpoint store ([ErrNotOurs]);
//   - a later release has written it ([ErrNewerSchema]);
//   - it was emptied;
//   - it has a second name, or is mounted without its folder (noticed on Linux);
//   - this user may not write the file or its folder (noticed on Unix).
//
// The WAL, path-wal, and the shared memory, path-shm, are part of the store until the
// last process has closed it.
func Open(ctx context.Context, path string, opts *Options) (_ *Driver, err error) {
	if opts == nil {
		opts = new(Options)
	}
	if opts.BusyTimeout < 0 {
		return nil, fmt.Errorf("sqlitestore: BusyTimeout is %v, it must not be negative", opts.BusyTimeout)
	}
	d := &Driver{path: path}
	defer func() {
		if err != nil {
			err = fmt.Errorf("sqlitestore: open %s: %w", path, sayWhatToDo(err))
		}
	}()
	if d.absolute, err = filepath.Abs(path); err != nil {
		return nil, err
	}
	d.wait = wait{d.absolute, cmp.Or(opts.BusyTimeout, defaultBusyTimeout)}
	there, err := look(d.absolute)
	if err != nil {
		return nil, err
	}
	if !there {
		if err := create(ctx, d.wait, d.absolute); err != nil {
			return nil, cause(ctx, err)
		}
	}
	if err := inspect(ctx, d.absolute); err != nil {
		return nil, cause(ctx, err)
	}
	if err := d.open(ctx, opts); err != nil {
		return nil, cause(ctx, err)
	}
	return d, nil
}

// cause returns the cause of ctx if ctx has ended, otherwise err. A Store would
// do this, but a caller of Open has none yet.
func cause(ctx context.Context, err error) error { return cmp.Or(context.Cause(ctx), err) }

// durable lets every commit wait for the disk. On macOS, fsync leaves the data in the cache of
// the disk, and SQLite empties this cache (F_FULLFSYNC) only if it is told to.
const durable = "_pragma=synchronous(FULL)&_pragma=fullfsync(1)&_pragma=checkpoint_fullfsync(1)"

// dsn names a file in the form that modernc.org/sqlite wants.
func dsn(absolute string, params ...string) string {
	slashed := filepath.ToSlash(absolute)
	if !strings.HasPrefix(slashed, "/") {
		slashed = "/" + slashed // a Windows drive
	}
	return "file://" + (&url.URL{Path: slashed}).EscapedPath() + "?" + strings.Join(params, "&")
}

func (d *Driver) open(ctx context.Context, opts *Options) (err error) {
	// Opening a connection may meet a lock, too.
	err = d.wait.whileBusy(ctx, func() (err error) {
		d.first, err = prepareFile(ctx, d.absolute, existing)
		return err
	})
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.first.close())
		}
	}()
	if err := d.identify(); err != nil {
		return err
	}
	params := []string{"mode=rw", "_pragma=busy_timeout(0)", durable}
	if !opts.NoShortcuts {
		// What the writer encodes meets the CHECKs. They keep out what people write by hand.
		params = append(params, "_pragma=ignore_check_constraints(1)")
	}
	writeDB, err := sql.Open("sqlite", dsn(d.absolute, params...))
	if err != nil {
		return err
	}
	d.readers.DB, err = sql.Open("sqlite", dsn(d.absolute, "mode=rw", "_pragma=busy_timeout(0)", "_pragma=query_only(1)"))
	if err != nil {
		return errors.Join(err, writeDB.Close())
	}
	d.readers.SetMaxOpenConns(maxReaders())
	d.readers.SetMaxIdleConns(maxReaders())
	if !opts.NoShortcuts {
		d.fast = newFast(dsn(d.absolute, "mode=rw"), d.checkIdentity, &d.kept)
	}
	d.crew = newCrew()
	d.writer = newWriter(writeDB, !opts.NoShortcuts, d.wait, d.checkIdentity)
	return nil
}

// A firstConn is the connection that has prepared the file. It stays open:
// SQLite removes the WAL when the last connection closes, and the next
// connection would make another WAL.
type firstConn struct {
	db   *sql.DB
	conn *sql.Conn
}

func (c *firstConn) close() error { return errors.Join(c.conn.Close(), c.db.Close()) }

// A mode says whether the file must exist, or is made.
type mode string

const (
	existing mode = "mode=rw"
	draft    mode = "mode=rwc"
)

func prepareFile(ctx context.Context, absolute string, m mode) (*firstConn, error) {
	db, err := sql.Open("sqlite", dsn(absolute, string(m), "_pragma=busy_timeout(0)", durable))
	if err != nil {
		return nil, err
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	first := &firstConn{db, conn}
	if err := prepare(ctx, conn, m); err != nil {
		return nil, errors.Join(err, first.close())
	}
	return first, nil
}

// prepare makes the file ours, of the newest schema and in WAL mode.
func prepare(ctx context.Context, conn *sql.Conn, m mode) error {
	if err := migrate(ctx, conn, m); err != nil {
		return err
	}
	var mode string
	if err := conn.QueryRowContext(ctx, "PRAGMA journal_mode = WAL").Scan(&mode); err != nil {
		return err
	}
	if mode != "wal" {
		return fmt.Errorf("SQLite keeps it in journal mode %q: this file system cannot share memory, "+
			"put the file on a local disk", mode)
	}
	_, err := readHeader(ctx, conn) // opens the WAL
	return err
}
