package rivals

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"

	_ "modernc.org/sqlite" // as the store uses it

	"github.com/checkpointstore/checkpoint/driver"
)

// SQL is plain SQL on the same SQLite, with the same durability: a statement in
// a transaction of its own for each call, one transaction for a batch. All
// writing goes through one connection: where hundreds compete for the lock,
// SQLite gives up on some of them.
type SQL struct{ writer, readers *sql.DB }

// OpenSQL opens or makes a file.
func OpenSQL(ctx context.Context, path string) (*SQL, error) {
	source := "file:" + path + "?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(10000)&_txlock=immediate"
	writer, err := sql.Open("sqlite", source)
	if err != nil {
		return nil, err
	}
	writer.SetMaxOpenConns(1)
	readers, err := sql.Open("sqlite", source)
	if err != nil {
		return nil, err
	}
	_, err = writer.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS positions (key TEXT PRIMARY KEY, position TEXT NOT NULL) WITHOUT ROWID")
	return &SQL{writer, readers}, err
}

func text(p driver.Position) string { return fmt.Sprintf("%020d/%020d", p.Commit, p.Prepare) }

const upsert = "INSERT INTO positions (key, position) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET position = excluded.position" +
	" WHERE excluded.position >= positions.position"

// Get implements [driver.Driver].
func (d *SQL) Get(ctx context.Context, keys []string) ([]driver.Record, error) {
	records := make([]driver.Record, len(keys))
	for i, key := range keys {
		var stored string
		err := d.readers.QueryRowContext(ctx, "SELECT position FROM positions WHERE key = ?", key).Scan(&stored)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			records[i] = driver.Record{Key: key, Err: driver.ErrNotFound}
		case err != nil:
			return nil, err
		default:
			records[i] = record(key, stored[:20], stored[21:])
		}
	}
	return records, nil
}

// Write implements [driver.Driver].
func (d *SQL) Write(ctx context.Context, writes []driver.Write) ([]driver.Result, error) {
	results := make([]driver.Result, len(writes))
	if len(writes) == 1 {
		done, err := d.writer.ExecContext(ctx, upsert, writes[0].Key, text(writes[0].Position))
		if err != nil {
			return nil, err
		}
		results[0] = result(done.RowsAffected())
		return results, nil
	}
	tx, err := d.writer.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer func() { _ = tx.Rollback() }()
	for i, w := range writes {
		done, err := tx.ExecContext(ctx, upsert, w.Key, text(w.Position))
		if err != nil {
			return nil, err
		}
		results[i] = result(done.RowsAffected())
	}
	return results, tx.Commit()
}

// Delete implements [driver.Driver].
func (d *SQL) Delete(ctx context.Context, keys []string) (int, error) {
	tx, err := d.writer.BeginTx(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer func() { _ = tx.Rollback() }()
	n := int64(0)
	for _, key := range keys {
		done, err := tx.ExecContext(ctx, "DELETE FROM positions WHERE key = ?", key)
		if err != nil {
			return 0, err
		}
		removed, err := done.RowsAffected()
		if err != nil {
			return 0, err
		}
		n += removed
	}
	return int(n), tx.Commit()
}

// Scan implements [driver.Driver], for all keys only, in one page.
func (d *SQL) Scan(ctx context.Context, _ string, _ int) iter.Seq2[[]string, error] {
	return func(yield func([]string, error) bool) {
		keys, err := d.keys(ctx)
		yield(keys, err)
	}
}

func (d *SQL) keys(ctx context.Context) ([]string, error) {
	rows, err := d.readers.QueryContext(ctx, "SELECT key FROM positions")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var keys []string
	for rows.Next() {
		var key string
		if err := rows.Scan(&key); err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, rows.Err()
}

// ScanRecords implements [driver.RecordScanner], for all keys only, by one SELECT.
func (d *SQL) ScanRecords(ctx context.Context, _ string, pageSize int) iter.Seq2[[]driver.Record, error] {
	return func(yield func([]driver.Record, error) bool) {
		rows, err := d.readers.QueryContext(ctx, "SELECT key, position FROM positions")
		if err != nil {
			yield(nil, err)
			return
		}
		defer rows.Close()
		var page []driver.Record
		for rows.Next() {
			var key, stored string
			if err := rows.Scan(&key, &stored); err != nil {
				yield(nil, err)
				return
			}
			if page = append(page, record(key, stored[:20], stored[21:])); len(page) == pageSize {
				if !yield(page, nil) {
					return
				}
				page = page[:0]
			}
		}
		yield(page, rows.Err())
	}
}

// Close implements [driver.Driver].
func (d *SQL) Close() error { return errors.Join(d.readers.Close(), d.writer.Close()) }
