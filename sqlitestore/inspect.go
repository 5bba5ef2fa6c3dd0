package sqlitestore

import (
	"context"
	"database/sql"
	"encoding/json"
	"iter"
	"strings"
	"time"

	"github.com/checkpointstore/checkpoint/cell"
	"github.com/checkpointstore/checkpoint/driver"
)

// Inspect implements [driver.Inspector]. It reads the cells of up to 1000 keys
// at one moment.
func (d *Driver) Inspect(ctx context.Context, keys []string) ([]driver.Cell, error) {
	if err := d.ready(ctx); err != nil {
		return nil, err
	}
	found := make(map[string]driver.Cell, len(keys))
	for from := 0; from < len(keys); from += maxKeys {
		list, err := json.Marshal(keys[from:min(from+maxKeys, len(keys))])
		if err != nil {
			return nil, err
		}
		cells, err := read(ctx, d, func() ([]driver.Cell, error) { return readCells(ctx, d.cellsOf, string(list)) })
		if err != nil {
			return nil, err
		}
		for _, c := range cells {
			found[c.Key] = c
		}
	}
	cells := make([]driver.Cell, len(keys))
	for i, key := range keys {
		cells[i] = found[key]
	}
	return cells, nil
}

// ScanCells implements [driver.Inspector].
func (d *Driver) ScanCells(ctx context.Context, pattern string, pageSize int) iter.Seq2[[]driver.Cell, error] {
	return func(yield func([]driver.Cell, error) bool) {
		prefix := driver.LiteralPrefix(pattern)
		for next, more := prefix, true; more; {
			if err := d.ready(ctx); err != nil {
				yield(nil, err)
				return
			}
			cells, err := read(ctx, d, func() ([]driver.Cell, error) { return readCells(ctx, d.cells, next, pageSize) })
			if err != nil {
				yield(nil, err)
				return
			}
			more = len(cells) == pageSize
			var page []driver.Cell
			for _, c := range cells {
				if c.Key < next {
					yield(nil, d.wrap(errOrder))
					return
				}
				next = c.Key + "\x00" // no key lies between
				if driver.MatchPattern(pattern, c.Key) && c.Holds() {
					page = append(page, c)
				}
				more = more && strings.HasPrefix(c.Key, prefix)
			}
			if len(page) > 0 && !yield(page, nil) {
				return
			}
		}
	}
}

// A cellRow is one row of a statement with cellColumns. A column is NULL if its
// part is not stored.
type cellRow struct {
	key                                          string
	commit, prepare, updatedAt                   sql.NullString
	expiresAt, epoch, logID                      sql.NullString
	fence, raised, owner, leaseEpoch, ends, from sql.NullString
}

func readCells(ctx context.Context, stmt *sql.Stmt, args ...any) ([]driver.Cell, error) {
	rows, err := stmt.QueryContext(ctx, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var cells []driver.Cell
	var r cellRow
	now := time.Now()
	for rows.Next() {
		err := rows.Scan(&r.key, &r.commit, &r.prepare, &r.updatedAt, &r.expiresAt, &r.epoch, &r.logID,
			&r.fence, &r.raised, &r.owner, &r.leaseEpoch, &r.ends, &r.from)
		if err != nil {
			return nil, err
		}
		cells = append(cells, r.cell().Visible(now))
	}
	return cells, rows.Err()
}

func (r *cellRow) cell() cell.Cell {
	c := cell.Cell{Key: r.key}
	if r.commit.Valid {
		checkpoint := row{r.key, r.commit.String, r.prepare.String, r.updatedAt.String, r.expiresAt, r.epoch, r.logID}
		c.Checkpoint = checkpoint.stored()
	}
	if r.fence.Valid {
		fence := fenceRow{r.fence.String, r.raised}
		c.Fence = fence.fence()
	}
	if r.owner.Valid {
		lease := leaseRow{r.owner.String, r.leaseEpoch.String, r.ends.String, r.from}
		c.Lease = lease.lease(r.key)
	}
	return c
}
