package sqlitestore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
)

// Get implements [driver.Driver].
func (d *Driver) Get(ctx context.Context, keys []string) ([]driver.Record, error) {
	if err := d.ready(ctx); err != nil {
		return nil, err
	}
	if len(keys) == 1 {
		key := keys[0]
		return read(ctx, d, func() ([]driver.Record, error) { return d.getOne(ctx, key) })
	}
	keys = slices.Clone(keys) // read may return before its function
	return read(ctx, d, func() ([]driver.Record, error) { return d.getAll(ctx, keys) })
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
		go func() { done <- attempt() }()
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

// failure returns the error of a call that failed in SQLite or was cut off by
// the end of ctx.
func (d *Driver) failure(ctx context.Context, err error) error {
	if end := ctx.Err(); end != nil && !errors.Is(err, end) {
		return end
	}
	return d.wrap(err)
}

func notFound(key string) driver.Record { return driver.Record{Key: key, Err: driver.ErrNotFound} }

func (d *Driver) getOne(ctx context.Context, key string) ([]driver.Record, error) {
	var r row
	err := d.get.QueryRowContext(ctx, key).Scan(r.fields()...)
	if errors.Is(err, sql.ErrNoRows) {
		return []driver.Record{notFound(key)}, nil
	}
	if err != nil {
		return nil, err
	}
	return []driver.Record{r.record(time.Now())}, nil
}

// maxKeys is how many keys one statement reads.
const maxKeys = 1000

func (d *Driver) getAll(ctx context.Context, keys []string) ([]driver.Record, error) {
	found := make(map[string]driver.Record, len(keys))
	for chunk := range slices.Chunk(keys, maxKeys) {
		list, err := json.Marshal(chunk)
		if err != nil {
			return nil, err
		}
		now := time.Now()
		err = eachRow(ctx, d.getMany, func(r *row) error {
			found[r.key] = r.record(now)
			return nil
		}, string(list))
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
