// Package sqlitestore keeps checkpoints in one SQLite file, which several
// processes may use at once. It is the embedded default: nothing to run, no
// cgo. The file is in WAL mode with synchronous=FULL, so that a write that was
// acknowledged survives a crash of the process and of the machine. It must be
// on a local disk: the locks of network file systems do not hold.
//
// Beside the file SQLite keeps path-wal, its log, and path-shm, its shared
// memory. [Driver.Backup] copies a store while others use it, and [Restore] brings
// the copy back. A copy that is put beside the log of another file absorbs the log:
// docs/sqlite.md says what to remove by hand. When one of the three files is
// removed or replaced, the driver fails from then on.
package sqlitestore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
)

// Options configures a [Driver]. A nil *Options is the zero Options.
type Options struct {
	// BusyTimeout is how long a call waits for other processes that hold the
	// file locked, if its context does not end sooner. Zero: 10 seconds.
	BusyTimeout time.Duration
}

const defaultBusyTimeout = 10 * time.Second

// Driver is a [driver.Driver] over one SQLite file. One goroutine does all
// writing, and turns all writes that wait for it into one transaction.
type Driver struct {
	path       string // as it was given
	absolute   string
	parts      []part // the file first
	wait       wait
	first      *firstConn
	readers    *sql.DB
	get        *sql.Stmt
	getMany    *sql.Stmt
	page       *sql.Stmt
	packedPage *sql.Stmt
	cellsOf    *sql.Stmt
	cells      *sql.Stmt
	writer     *writer
	closed     atomic.Bool
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

// Close ends the writer, after the transaction that is under way, and closes
// the file. Writes that still wait fail with ErrClosed. If the log is one
// that another process has made since, Close leaves it alone and fails.
func (d *Driver) Close() error {
	if d.closed.Swap(true) {
		return nil
	}
	err := d.writer.close()
	if e := d.readers.Close(); err == nil {
		err = e
	}
	// The last connection to close moves the log into the file and removes it. It
	// stays open if that would be another process's log.
	if d.overtaken() {
		return fmt.Errorf("SQLite file %s: %w", d.path, errors.Join(errOvertaken, err))
	}
	if e := d.first.close(); err == nil {
		err = e
	}
	return d.wrap(err)
}

// ready says why a call must not reach SQLite at all. That the file is still
// there is for read, or the writer, to see.
func (d *Driver) ready(ctx context.Context) error {
	if d.closed.Load() {
		return driver.ErrClosed
	}
	return ctx.Err()
}

// wrap makes of SQLite's error the one that a caller of d sees.
func (d *Driver) wrap(err error) error {
	if err == nil || errors.Is(err, driver.ErrClosed) {
		return err
	}
	if d.closed.Load() {
		return fmt.Errorf("%w: %w", driver.ErrClosed, err)
	}
	return fmt.Errorf("SQLite file %s: %w", d.path, sayWhatToDo(err))
}
