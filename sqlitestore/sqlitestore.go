// Package sqlitestore keeps checkpoints in one SQLite file, which several
// processes may use at once. It is the embedded default: nothing to run, no
// cgo. The file is in WAL mode with synchronous=FULL, so an acknowledged write
// survives a crash of the process and of the machine. The file must be on a
// local disk: locks on network file systems do not hold.
//
// Beside the file SQLite keeps path-wal, its write-ahead log (WAL), and path-shm, its
// shared memory. [Driver.Backup] copies a store while others use it, and [Restore] brings
// the copy back. If a copy is put beside another file's WAL, SQLite merges that WAL into
// the copy: docs/sqlite.md says which files to remove by hand. If one of the three files
// is removed, the calls of the driver fail until the file is back. Once a call has found
// another file in its place, every later call fails.
package sqlitestore

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
)

// Options configures a [Driver]. A nil *Options is the zero Options.
type Options struct {
	// BusyTimeout is how long a call waits for other processes that keep the file
	// locked. A call also stops waiting when its context ends. It must not be negative.
	// Zero: 10 seconds.
	BusyTimeout time.Duration

	// NoShortcuts turns off three shortcuts: SQLite's own functions read the checkpoints, a
	// Get answers from memory as long as nobody has changed the file, and the store alone
	// checks what it writes. Each read then goes through database/sql, and SQLite checks
	// each row, which is slower. The answers are the same. Use NoShortcuts to find out
	// whether a fault comes from a shortcut.
	NoShortcuts bool
}

const defaultBusyTimeout = 10 * time.Second

// Driver is a [driver.Driver] over one SQLite file. One goroutine does all writing. It
// puts the writes that wait into one transaction, up to 4096 of them.
type Driver struct {
	path     string // as it was given
	absolute string
	parts    []part // the file first
	folder   folder
	wait     wait
	first    *firstConn
	readers  readers
	fast     *fast // nil: every read goes through database/sql
	kept     kept
	crew     *crew
	writer   *writer
	lost     atomic.Pointer[error] // why no call succeeds any more
	closed   atomic.Bool
}

var (
	_ driver.Driver        = (*Driver)(nil)
	_ driver.RecordScanner = (*Driver)(nil)
	_ driver.Leaser        = (*Driver)(nil)
	_ driver.Inspector     = (*Driver)(nil)
	_ driver.Fencer        = (*Driver)(nil)
)

// Name returns "SQLite".
func (d *Driver) Name() string { return "SQLite" }

// Close ends the writer after the transaction under way, and closes the file. Changes
// that still wait fail with [driver.ErrClosed]. If another process has made a new WAL
// meanwhile, Close leaves that WAL alone and fails.
func (d *Driver) Close() error {
	if d.closed.Swap(true) {
		return nil
	}
	err := d.writer.close()
	d.crew.end()
	d.kept.close()
	d.fast.close()
	if e := d.readers.Close(); err == nil {
		err = e
	}
	// The last connection to close moves the WAL into the file and removes the
	// WAL. If it is another process's WAL, this connection stays open.
	if d.overtaken() {
		return fmt.Errorf("SQLite file %s: %w", d.path, errors.Join(errOvertaken, err))
	}
	if e := d.first.close(); err == nil {
		err = e
	}
	return d.wrap(err)
}

// ready returns an error if a call must not reach SQLite at all. It does not
// check that the file is still there: read and the writer do.
func (d *Driver) ready(ctx context.Context) error {
	if d.closed.Load() {
		return driver.ErrClosed
	}
	return ctx.Err()
}

// wrap turns SQLite's error into the error that a caller of d sees.
func (d *Driver) wrap(err error) error {
	if err == nil || errors.Is(err, driver.ErrClosed) {
		return err
	}
	if d.closed.Load() {
		return fmt.Errorf("%w: %w", driver.ErrClosed, err)
	}
	return fmt.Errorf("SQLite file %s: %w", d.path, sayWhatToDo(err))
}
