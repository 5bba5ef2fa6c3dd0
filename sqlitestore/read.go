package sqlitestore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/checkpointstore/checkpoint/cell"
	"github.com/checkpointstore/checkpoint/driver"
)

// Get implements [driver.Driver].
func (d *Driver) Get(ctx context.Context, keys []string) ([]driver.Record, error) {
	if err := d.ready(ctx); err != nil {
		return nil, err
	}
	if len(keys) == 1 {
		return d.getOne(ctx, keys[0])
	}
	keys = slices.Clone(keys) // read may return before its function
	return readRows(ctx, d, func(rows rows) ([]driver.Record, error) { return getAll(rows, keys) })
}

// rows calls each with every row that a query finds, until each returns an error. Each call
// gets the same *row, with new content. A query has a text as its first parameter, and a
// limit as its second unless limit is zero.
type rows func(each func(*row) error, query, text string, limit int) error

// readRows is read for the table checkpoints. f reads past database/sql first, unless the
// options say otherwise. If f fails, f reads again through database/sql. So only database/sql
// says what is wrong, and waits for locks.
func readRows[T any](ctx context.Context, d *Driver, f func(rows) (T, error)) (T, error) {
	return read(ctx, d, func() (value T, err error) {
		if d.fast.worthwhile() {
			err := d.fast.with(ctx, func(c *fastConn) (err error) {
				value, err = f(c.each)
				return err
			})
			if err == nil {
				return value, nil
			}
		}
		return f(d.plainRows(ctx))
	})
}

// plainRows reads through database/sql.
func (d *Driver) plainRows(ctx context.Context) rows {
	return func(each func(*row) error, query, text string, limit int) error {
		stmt, err := d.readers.get(ctx, query)
		if err != nil {
			return err
		}
		args := []any{text, limit}
		if limit == 0 {
			args = args[:1]
		}
		return eachRow(ctx, stmt, each, args...)
	}
}

// read runs f with whileBusy, and returns when whileBusy returns or ctx ends.
// SQLite itself may wait within a call and sees no context then: for up to 10
// seconds if the WAL must be recovered. read checks last whether the file is
// still there, since f may have opened another file in its place.
func read[T any](ctx context.Context, d *Driver, f func() (T, error)) (T, error) {
	type answer struct {
		value T
		err   error
	}
	attempt := func() (a answer) {
		a.err = d.wait.whileBusy(ctx, func() (err error) {
			a.value, err = f()
			return err
		})
		if err := d.checkIdentity(); err != nil {
			a.err = err
		}
		return a
	}
	var a answer
	if ctx.Done() == nil {
		a = attempt()
	} else {
		done := make(chan answer, 1)
		d.crew.run(func() { done <- attempt() })
		select {
		case a = <-done:
		case <-ctx.Done():
			return *new(T), ctx.Err()
		}
	}
	if a.err != nil {
		return *new(T), d.failure(ctx, a.err)
	}
	return a.value, nil
}

// readBy is read, with a statement of the readers.
func readBy[T any](ctx context.Context, d *Driver, query string, f func(*sql.Stmt) (T, error)) (T, error) {
	return read(ctx, d, func() (value T, err error) {
		stmt, err := d.readers.get(ctx, query)
		if err != nil {
			return value, err
		}
		return f(stmt)
	})
}

// failure returns the error of a call that failed in SQLite or was cut off by
// the end of ctx.
func (d *Driver) failure(ctx context.Context, err error) error {
	if end := ctx.Err(); end != nil && !errors.Is(err, end) {
		return end
	}
	return d.wrap(err)
}

func notFound(key string) driver.Record { return driver.Record{Key: key, Err: driver.ErrNotFound} }

// getOne answers from what was read before, if it may. Then no other goroutine takes part: the
// system is asked for the opened files, and nothing waits for the disk or for a lock.
func (d *Driver) getOne(ctx context.Context, key string) ([]driver.Record, error) {
	if stored, ok := d.kept.get(key); ok {
		if err := d.checkAgain(); err != nil {
			return nil, d.failure(ctx, err)
		}
		return []driver.Record{cell.Cell{Key: key, Checkpoint: stored}.Record(time.Now())}, nil
	}
	return readRows(ctx, d, func(rows rows) ([]driver.Record, error) {
		since, sure := d.kept.now()
		var c cell.Cell
		found := 0
		err := rows(func(r *row) error {
			c = cell.Cell{Key: r.key, Checkpoint: r.stored()}
			found++
			return nil
		}, sqlRead, key, 0)
		if found == 0 || err != nil {
			return []driver.Record{notFound(key)}, err
		}
		if sure && found == 1 {
			d.kept.put(key, c.Checkpoint, since)
		}
		return []driver.Record{c.Record(time.Now())}, nil
	})
}

// maxKeys is how many keys one statement reads.
const maxKeys = 1000

func getAll(rows rows, keys []string) ([]driver.Record, error) {
	found := make(map[string]driver.Record, len(keys))
	for chunk := range slices.Chunk(keys, maxKeys) {
		list, err := json.Marshal(chunk)
		if err != nil {
			return nil, err
		}
		now := time.Now()
		err = rows(func(r *row) error {
			found[r.key] = r.record(now)
			return nil
		}, sqlGetMany, string(list), 0)
		if err != nil {
			return nil, err
		}
	}
	records := make([]driver.Record, len(keys))
	for i, key := range keys {
		r, ok := found[key]
		if !ok {
			r = notFound(key)
		}
		records[i] = r
	}
	return records, nil
}

// eachRow calls each with every row that stmt finds, until it returns an error.
// Each call gets the same *row, with new content.
func eachRow(ctx context.Context, stmt *sql.Stmt, each func(*row) error, args ...any) error {
	rows, err := stmt.QueryContext(ctx, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	var r row
	fields := r.fields()
	for rows.Next() {
		if err := rows.Scan(fields...); err != nil {
			return err
		}
		if err := each(&r); err != nil {
			return err
		}
	}
	return rows.Err()
}
