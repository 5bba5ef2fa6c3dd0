package pgstore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/checkpointstore/checkpoint/driver"
)

// Options configures a [Driver]. A nil *Options is the zero Options.
type Options struct {
	// Schema is the schema of the tables. Case counts: "Checkpoint" is not "checkpoint".
	// It may hold any characters except control characters, and at most 63 bytes. Empty:
	// "checkpoint".
	Schema string

	// Namespace keeps environments apart in the same tables: "prod". It is a column.
	// No call sees the keys of another namespace. It may hold any characters except
	// control characters, and at most 512 bytes. Empty: the namespace "".
	Namespace string

	// AutoMigrate makes missing tables, and brings older ones to the newest version, at
	// the first call. The user then needs the permission to make tables. Otherwise the
	// tables must be there: see [Migrate].
	AutoMigrate bool

	// NoShortcuts turns off two shortcuts: Gets that wait at the same time share a
	// statement, and one statement decides the usual writes. Each Get is then a statement
	// of its own, and package cell decides each write over locked rows, which is slower.
	// The answers are the same as long as the version of the tables does not change:
	// without the shortcuts, each write asks for the version. Use NoShortcuts to find out
	// whether a fault comes from a shortcut. [OnTx] uses neither of them.
	NoShortcuts bool

	// Logger receives a warning if the server may lose what it has acknowledged (see
	// [Driver.Warnings]), and a note if no standby can be woken early. Nil:
	// slog.Default().
	Logger *slog.Logger
}

// Driver is a [driver.Driver] over PostgreSQL. Changes that wait at the same time
// share transactions, and so do the reads of Get.
type Driver struct {
	pool   *pgxpool.Pool
	owned  bool // whether Close closes the pool
	opts   Options
	sql    *statements
	writer *writer
	reader *writer // of Get
	purger purger

	waiters *driver.Waiters

	checked atomic.Bool // whether the tables are known to be there
	closed  atomic.Bool
}

var (
	_ driver.Driver        = (*Driver)(nil)
	_ driver.RecordScanner = (*Driver)(nil)
	_ driver.Leaser        = (*Driver)(nil)
	_ driver.Inspector     = (*Driver)(nil)
	_ driver.Fencer        = (*Driver)(nil)
	_ driver.Namer         = (*Driver)(nil)
	_ driver.Notifier      = (*Driver)(nil)
)

// New returns a driver over the caller's pool. It sends nothing: the first call checks
// the tables. Close leaves the pool open.
func New(pool *pgxpool.Pool, opts *Options) (*Driver, error) {
	o, err := opts.checked()
	if err != nil {
		return nil, err
	}
	d := &Driver{pool: pool, opts: o, sql: newStatements(o.Schema)}
	d.writer, d.reader = newWriter(d.transact), newWriter(d.lookUp)
	d.reader.apart = o.NoShortcuts
	d.waiters = driver.NewWaiters(d.listen)
	return d, nil
}

// Open returns a driver with a pool of its own, for a URL or a connection string as
// psql takes it. Open checks that the server answers and is no replica, and that the
// tables are there. If Options.AutoMigrate is set, Open makes them. If a pooler such as
// PgBouncer stands before the server, the driver prepares no statements, unless the URL
// names a default_query_exec_mode.
//
// The query of a URL may name the schema and the namespace, too: ?schema=app&namespace=prod.
// It takes no_shortcuts=true for Options.NoShortcuts. If neither the URL nor
// PGCONNECT_TIMEOUT sets connect_timeout, a connection may take 10 seconds. If the URL cannot be used, the error
// is [ErrURL].
func Open(ctx context.Context, url string, opts *Options) (*Driver, error) {
	config, opts, err := parse(url, opts)
	if err != nil {
		return nil, err
	}
	pool, err := connect(ctx, config, choosesMode(url))
	if err != nil {
		if end := ctx.Err(); end != nil {
			return nil, end
		}
		return nil, explain(err)
	}
	d, err := New(pool, opts)
	if err == nil {
		d.owned = true
		err = d.ready(ctx)
	}
	if err != nil {
		closePool(pool)
		return nil, err
	}
	return d, nil
}

// Name returns "PostgreSQL".
func (d *Driver) Name() string { return engine }

const engine = "PostgreSQL"

// Close waits for the transactions under way, for a second at most, and then cancels
// them. Changes that still wait fail with [driver.ErrClosed]. If the pool is the
// driver's, reads under way may fail with it, too.
func (d *Driver) Close() error {
	if d.closed.Swap(true) {
		return nil
	}
	d.waiters.Close()
	var reads sync.WaitGroup
	reads.Go(d.reader.close)
	d.writer.close()
	reads.Wait()
	if d.owned {
		closePool(d.pool)
	}
	return nil
}

// closePool waits for a second at most. pgx asks a server that does not answer, for 15
// seconds, to cancel what it does.
func closePool(pool *pgxpool.Pool) {
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		pool.Close()
	}()
	select {
	case <-closed:
	case <-time.After(grace):
	}
}

// ready returns an error if a call must not reach the tables. The first call of a
// driver checks the tables.
func (d *Driver) ready(ctx context.Context) error {
	if d.closed.Load() {
		return driver.ErrClosed
	}
	if err := ctx.Err(); err != nil || d.checked.Load() {
		return err
	}
	limited, cancel := d.untilClosed(ctx)
	defer cancel()
	err := d.on(limited, func(conn *pgxpool.Conn) error { return check(limited, conn, d.sql) })
	if errors.Is(err, ErrNotMigrated) && d.opts.AutoMigrate {
		err = Migrate(limited, d.pool, &d.opts)
	}
	if err != nil {
		return d.failure(ctx, err)
	}
	if !d.checked.Swap(true) {
		d.warn(limited)
	}
	return nil
}

// untilClosed returns a context that also ends when Close closes the pool, which waits
// for every connection in use.
func (d *Driver) untilClosed(ctx context.Context) (context.Context, context.CancelFunc) {
	if !d.owned {
		return ctx, func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(d.writer.ctx, cancel)
	return ctx, func() {
		stop()
		cancel()
	}
}

// read runs a statement that changes nothing.
func (d *Driver) read(ctx context.Context, s *statement) error {
	return readBy(ctx, d.run, d.sql, s)
}

// run runs statements in one transaction, which Close ends.
func (d *Driver) run(ctx context.Context, statements ...*statement) error {
	ctx, cancel := d.untilClosed(ctx)
	defer cancel()
	return d.on(ctx, func(conn *pgxpool.Conn) error { return pgxRunner{conn}.run(ctx, statements...) })
}

// failure returns the error of a call that failed with err.
func (d *Driver) failure(ctx context.Context, err error) error {
	if end := ctx.Err(); end != nil {
		return end
	}
	if errors.Is(err, driver.ErrClosed) {
		return err
	}
	if d.closed.Load() {
		return fmt.Errorf("%w: %w", driver.ErrClosed, err)
	}
	return explain(err)
}
