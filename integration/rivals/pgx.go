package rivals

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/checkpointstore/checkpoint/driver"
)

// Pgx is pgx as a user would call it: an upsert for each call, and one upsert of arrays
// for a batch. Its columns hold all positions, as those of the store do.
type Pgx struct{ pool *pgxpool.Pool }

// OpenPgx makes its table if there is none.
func OpenPgx(ctx context.Context, url string) (*Pgx, error) {
	pool, err := pgxpool.New(ctx, url)
	if err != nil {
		return nil, fmt.Errorf("pgx: %w", err)
	}
	_, err = pool.Exec(ctx, "CREATE TABLE IF NOT EXISTS positions (key text PRIMARY KEY, commit_position numeric(20) NOT NULL,"+
		" prepare_position numeric(20) NOT NULL, updated_at timestamptz NOT NULL) WITH (fillfactor = 50)")
	if err != nil {
		pool.Close()
		return nil, fmt.Errorf("pgx: %w", err)
	}
	return &Pgx{pool}, nil
}

const (
	ifNewer = " ON CONFLICT (key) DO UPDATE SET commit_position = excluded.commit_position," +
		" prepare_position = excluded.prepare_position, updated_at = excluded.updated_at" +
		" WHERE (p.commit_position, p.prepare_position) <= (excluded.commit_position, excluded.prepare_position)"
	upsertOne  = "INSERT INTO positions AS p VALUES ($1, $2::numeric, $3::numeric, $4)" + ifNewer
	upsertMany = "INSERT INTO positions AS p SELECT * FROM unnest($1::text[], $2::numeric[], $3::numeric[], $4::timestamptz[])" +
		ifNewer + " RETURNING key"
)

// Get implements [driver.Driver].
func (d *Pgx) Get(ctx context.Context, keys []string) ([]driver.Record, error) {
	records := make([]driver.Record, len(keys))
	for i, key := range keys {
		var commit, prepare string
		err := d.pool.QueryRow(ctx, "SELECT commit_position::text, prepare_position::text FROM positions WHERE key = $1", key).Scan(&commit, &prepare)
		if err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return nil, err
		}
		records[i] = record(key, commit, prepare)
	}
	return records, nil
}

// Write implements [driver.Driver]. A batch has each key once.
func (d *Pgx) Write(ctx context.Context, writes []driver.Write) ([]driver.Result, error) {
	results := make([]driver.Result, len(writes))
	if len(writes) == 1 {
		w := &writes[0]
		tag, err := d.pool.Exec(ctx, upsertOne, w.Key, number(w.Position.Commit), number(w.Position.Prepare), w.UpdatedAt)
		results[0] = result(tag.RowsAffected(), err)
		return results, nil
	}
	keys, commits, prepares, times := make([]string, 0, len(writes)), make([]string, 0, len(writes)), make([]string, 0, len(writes)), make([]string, 0, len(writes))
	for i := range writes {
		w := &writes[i]
		keys = append(keys, w.Key)
		commits = append(commits, number(w.Position.Commit))
		prepares = append(prepares, number(w.Position.Prepare))
		times = append(times, instant(w.UpdatedAt))
	}
	rows, err := d.pool.Query(ctx, upsertMany, keys, commits, prepares, times)
	if err != nil {
		return nil, err
	}
	stored := make(map[string]int64, len(writes))
	var key string
	_, err = pgx.ForEachRow(rows, []any{&key}, func() error { stored[key] = 1; return nil })
	for i := range writes {
		results[i] = result(stored[writes[i].Key], err)
	}
	return results, nil
}

// Delete implements [driver.Driver].
func (d *Pgx) Delete(ctx context.Context, keys []string) (int, error) {
	tag, err := d.pool.Exec(ctx, "DELETE FROM positions WHERE key = ANY ($1)", keys)
	return int(tag.RowsAffected()), err
}

// Scan implements [driver.Driver], for all keys only, in one page.
func (d *Pgx) Scan(ctx context.Context, _ string, _ int) iter.Seq2[[]string, error] {
	return func(yield func([]string, error) bool) {
		rows, _ := d.pool.Query(ctx, "SELECT key FROM positions")
		yield(pgx.CollectRows(rows, pgx.RowTo[string]))
	}
}

// ScanRecords implements [driver.RecordScanner], for all keys only, in one page.
func (d *Pgx) ScanRecords(ctx context.Context, _ string, _ int) iter.Seq2[[]driver.Record, error] {
	return func(yield func([]driver.Record, error) bool) {
		rows, _ := d.pool.Query(ctx, "SELECT key, commit_position::text, prepare_position::text FROM positions")
		yield(pgx.CollectRows(rows, func(row pgx.CollectableRow) (driver.Record, error) {
			var key, commit, prepare string
			err := row.Scan(&key, &commit, &prepare)
			return record(key, commit, prepare), err
		}))
	}
}

// Close implements [driver.Driver].
func (d *Pgx) Close() error {
	d.pool.Close()
	return nil
}
