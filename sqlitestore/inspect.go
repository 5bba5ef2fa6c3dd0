package sqlitestore

import (
	"context"
	"database/sql"
	"encoding/json"
	"iter"
	"strings"
	"time"

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
		cells, err := readBy(ctx, d, sqlCellsOf, func(stmt *sql.Stmt) (cells []driver.Cell, err error) {
			now := time.Now()
			err = eachCell(ctx, stmt, func(r *cellRow) error {
				cells = append(cells, r.cell().Visible(now))
				return nil
			}, string(list))
			return cells, err
		})
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
			p, err := read(ctx, d, func() (cellPage, error) { return d.readCellPage(ctx, pattern, next, pageSize) })
			if err != nil {
				yield(nil, err)
				return
			}
			if len(p.cells) > 0 && !yield(p.cells, nil) {
				return
			}
			more = p.more && strings.HasPrefix(p.last, prefix)
			next = p.last + "\x00" // no key lies between
		}
	}
}
