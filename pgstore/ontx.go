package pgstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"

	"github.com/jackc/pgx/v5"

	"github.com/checkpointstore/checkpoint/driver"
)

// OnTx returns a driver on the caller's own transaction. The transaction commits the
// caller's writes and the checkpoint together, or neither. So an event whose effects are
// in the same database takes effect exactly once.
//
//	tx, err := pool.Begin(ctx)
//	if err != nil {
//		return err
//	}
//	defer tx.Rollback(ctx)
//	// ... the writes of the read model, in tx
//	d, err := pgstore.OnTx(tx, nil)
//	if err != nil {
//		return err
//	}
//	outcomes, err := checkpoint.New(d, nil).Apply(ctx, checkpoint.Write{
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
//	return tx.Commit(ctx)
//
// Only [driver.Advanced] proves that the event has not taken effect before. SetIfNewer
// also returns true if an equal position is there, and Get locks nothing.
//
// Schema and Namespace must be those of the other drivers of the store. OnTx uses no
// other option. The epoch is checked in the transaction. The rows of the key stay locked
// until the transaction ends: others who change the key wait for it. Write the checkpoint
// last, so that they wait for a short time.
//
// No answer is final before the commit. After an error, roll back. An error of Commit does
// not prove that nothing was committed. If the context of a call ends, pgx closes the
// transaction's connection. The Store is for one goroutine at a time, and needs no Close. It
// cannot scan, and has no leases, no Fence, no Inspect and no reports.
func OnTx(tx pgx.Tx, opts *Options) (driver.Driver, error) {
	return onTx(pgxRunner{tx}, opts)
}

// OnSQLTx is [OnTx] for a transaction of database/sql, with the driver of
// github.com/jackc/pgx/v5/stdlib or another one for PostgreSQL.
func OnSQLTx(tx *sql.Tx, opts *Options) (driver.Driver, error) {
	return onTx(sqlRunner{tx}, opts)
}

func onTx(on runner, opts *Options) (driver.Driver, error) {
	o, err := opts.checked()
	if err != nil {
		return nil, err
	}
	return &txDriver{on: on, sql: newStatements(o.Schema), namespace: o.Namespace}, nil
}

type txDriver struct {
	on        runner
	sql       *statements
	namespace string
}

// Name is that of [Driver].
func (d *txDriver) Name() string { return engine }

func (d *txDriver) Get(ctx context.Context, keys []string) ([]driver.Record, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	records, err := readRecords(ctx, d.on.run, d.sql, d.namespace, keys)
	if err != nil {
		return nil, inTx(ctx, err)
	}
	return records, nil
}

// History implements [driver.Historian].
func (d *txDriver) History(ctx context.Context, key string, n int) ([]driver.AuditEntry, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	entries, err := readHistory(ctx, d.read, d.sql, d.namespace, key, n)
	if err != nil {
		return nil, inTx(ctx, err)
	}
	return entries, nil
}

// Samples implements [driver.Sampler].
func (d *txDriver) Samples(ctx context.Context, key string) ([]driver.Sample, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	found, err := readSamples(ctx, d.read, d.sql, d.namespace, key)
	if err != nil {
		return nil, inTx(ctx, err)
	}
	return found, nil
}

func (d *txDriver) read(ctx context.Context, s *statement) error {
	return readBy(ctx, d.on.run, d.sql, s)
}

func (d *txDriver) Write(ctx context.Context, writes []driver.Write) ([]driver.Result, error) {
	results := make([]driver.Result, len(writes))
	changes := make([]*change, len(writes))
	for i := range writes {
		c := writing(&writes[i], &results[i])
		changes[i] = &c
	}
	if err := d.change(ctx, changes); err != nil {
		return repeat(driver.Failed, err, len(writes)), nil
	}
	return results, nil
}

func (d *txDriver) Delete(ctx context.Context, keys []string) (int, error) {
	gone := make([]bool, len(keys))
	if err := d.change(ctx, deleting(ctx, gone).changes(keys, checkpoints|fences)); err != nil {
		return 0, err
	}
	return count(gone), nil
}

// change makes changes in the transaction. If another transaction has inserted a missing
// row meanwhile, it loads the rows again.
func (d *txDriver) change(ctx context.Context, changes []*change) error {
	for range maxAttempts {
		if err := ctx.Err(); err != nil {
			return err
		}
		s := &step{sql: d.sql, namespace: d.namespace, changes: changes}
		if err := d.on.run(ctx, s.load()...); err != nil {
			return inTx(ctx, err)
		}
		if err := s.checkLoaded(); err != nil {
			return inTx(ctx, err)
		}
		if s.torn {
			continue
		}
		if err := d.store(ctx, s); !errors.Is(err, errOvertaken) {
			return inTx(ctx, err)
		}
	}
	return inTx(ctx, errOvertaken)
}

// store stores what s decides. If a row was inserted meanwhile, it stores nothing.
func (d *txDriver) store(ctx context.Context, s *step) error {
	store, inserted := s.decide()
	if inserted == 0 {
		return d.on.run(ctx, store...)
	}
	if err := d.on.run(ctx, append([]*statement{{sql: "SAVEPOINT checkpoint"}}, store...)...); err != nil {
		return err
	}
	if affected(store, d.sql) == inserted {
		return d.on.run(ctx, &statement{sql: "RELEASE SAVEPOINT checkpoint"})
	}
	if err := d.on.run(ctx, &statement{sql: "ROLLBACK TO SAVEPOINT checkpoint"}); err != nil {
		return err
	}
	return errOvertaken
}

func (d *txDriver) Scan(context.Context, string, int) iter.Seq2[[]string, error] {
	return func(yield func([]string, error) bool) { yield(nil, errScanTx) }
}

var errScanTx = errors.New("pgstore: a driver of OnTx cannot scan: use a driver of Open")

// Close does nothing: the transaction is the caller's.
func (d *txDriver) Close() error { return nil }

func inTx(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if end := ctx.Err(); end != nil {
		return end
	}
	return fmt.Errorf("%w (in the caller's transaction)", explain(err))
}
