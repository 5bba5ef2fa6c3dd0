package sqlitestore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	sqlite3 "modernc.org/sqlite/lib"

	"github.com/checkpointstore/checkpoint/driver"
)

// OnTx returns a driver on the caller's own transaction. The transaction commits the
// caller's writes and the checkpoint together, or neither. So an event whose effects are
// in the same file takes effect exactly once.
//
//	// ... the writes of the read model, in tx
//	store := checkpoint.New(sqlitestore.OnTx(tx), nil)
//	outcomes, err := store.Apply(ctx, checkpoint.Write{
//		Key: key, IfNewer: true, Mark: checkpoint.Mark{Position: p, Epoch: epoch},
//	})
//	switch {
//	case err != nil:
//		return err
//	case outcomes[0] == checkpoint.Fenced:
//		return checkpoint.ErrFenced
//	case outcomes[0] != checkpoint.Advanced:
//		return nil // the event has taken effect before: roll back
//	}
//	return tx.Commit()
//
// Only [driver.Advanced] proves that the event has not taken effect before. SetIfNewer
// also returns true if an equal position is there. The epoch is checked in the
// transaction.
//
// Begin the transaction on a *sql.DB over a file that [Open] has made. The *sql.DB needs
// this module's SQLite driver, "sqlite", and _txlock=immediate: then the transaction
// waits for other writers when it begins, and not when it first writes.
//
// No answer is final before the commit. A full disk usually shows only there, as the
// error of Commit. After an error, roll back. The Store is for one goroutine at a time,
// and needs no Close. It cannot scan, and has no leases, no Fence, no Inspect and no
// reports.
func OnTx(tx *sql.Tx) driver.Driver {
	return &txDriver{statements{on: tx}}
}

type txDriver struct{ statements }

// Name is that of [Driver].
func (d *txDriver) Name() string { return "SQLite" }

var errTxEnded = errors.New("an error of another statement has rolled it back")

// transaction fails if SQLite has ended the transaction by itself, as it does
// after some errors. Each statement would then be committed alone. transaction
// finds this out by a BEGIN, which SQLite refuses within a transaction.
func (d *txDriver) transaction() (*transaction, error) {
	err := d.exec("BEGIN")
	if err == nil {
		return nil, inTx(errors.Join(errTxEnded, d.exec("ROLLBACK")))
	}
	if primaryCode(err) != sqlite3.SQLITE_ERROR {
		return nil, inTx(err)
	}
	return &transaction{statements: &d.statements, now: time.Now()}, nil
}

func (d *txDriver) Get(ctx context.Context, keys []string) ([]driver.Record, error) {
	t, err := d.transaction()
	if err != nil {
		return nil, err
	}
	records := make([]driver.Record, len(keys))
	for i, key := range keys {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		var r row
		there, err := t.find(r.fields(), sqlRead, key)
		if err != nil {
			return nil, inTx(err)
		}
		records[i] = notFound(key)
		if there {
			records[i] = r.record(t.now)
		}
	}
	return records, nil
}

// History implements [driver.Historian].
func (d *txDriver) History(ctx context.Context, key string, n int) ([]driver.AuditEntry, error) {
	return readInTx(ctx, d, sqlHistory, func(ctx context.Context, stmt *sql.Stmt) ([]driver.AuditEntry, error) {
		return readHistory(ctx, stmt, key, n)
	})
}

// Samples implements [driver.Sampler].
func (d *txDriver) Samples(ctx context.Context, key string) ([]driver.Sample, error) {
	return readInTx(ctx, d, sqlSamples, func(ctx context.Context, stmt *sql.Stmt) ([]driver.Sample, error) {
		return readSamples(ctx, stmt, key)
	})
}

func readInTx[T any](ctx context.Context, d *txDriver, query string, f func(context.Context, *sql.Stmt) ([]T, error)) ([]T, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	t, err := d.transaction()
	if err != nil {
		return nil, err
	}
	stmt, err := t.get(query)
	if err != nil {
		return nil, inTx(err)
	}
	found, err := f(context.WithoutCancel(ctx), stmt)
	if err != nil {
		return nil, inTx(err)
	}
	return found, nil
}

func (d *txDriver) Write(ctx context.Context, writes []driver.Write) ([]driver.Result, error) {
	t, failure := d.transaction()
	results := make([]driver.Result, len(writes))
	for i := range writes {
		if failure == nil {
			failure = ctx.Err()
		}
		if failure == nil {
			var err error
			if results[i], err = t.write(&writes[i]); err != nil {
				failure = inTx(err)
			}
		}
		if failure != nil {
			results[i] = driver.Result{Outcome: driver.Failed, Err: failure}
		}
	}
	return results, nil
}

func (d *txDriver) Delete(ctx context.Context, keys []string) (int, error) {
	t, err := d.transaction()
	if err != nil {
		return 0, err
	}
	n := 0
	for some := range slices.Chunk(keys, namedKeys) {
		if ctx.Err() != nil {
			return n, ctx.Err()
		}
		removed, err := t.removeSome(some, driver.ByOf(ctx))
		n += removed
		if err != nil {
			return n, inTx(err)
		}
	}
	return n, nil
}

func (d *txDriver) Scan(context.Context, string, int) iter.Seq2[[]string, error] {
	return func(yield func([]string, error) bool) { yield(nil, errScanTx) }
}

var errScanTx = errors.New("sqlitestore: a driver of OnTx cannot scan: use a driver of Open")

// Close does nothing: the transaction is the caller's.
func (d *txDriver) Close() error { return nil }

func inTx(err error) error {
	return fmt.Errorf("SQLite file, in the caller's transaction: %w", sayWhatToDo(err))
}
