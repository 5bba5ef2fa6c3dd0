package pgstore

import (
	"context"
	"iter"
	"slices"
	"time"

	"github.com/checkpointstore/checkpoint/cell"
	"github.com/checkpointstore/checkpoint/driver"
)

// Inspect implements [driver.Inspector]. It reads the cells of up to 1000 keys at one
// moment.
func (d *Driver) Inspect(ctx context.Context, keys []string) ([]driver.Cell, error) {
	if err := d.ready(ctx); err != nil {
		return nil, err
	}
	found := make(map[string]driver.Cell, len(keys))
	for part := range slices.Chunk(keys, chunk) {
		err := d.read(ctx, &statement{
			sql: d.sql.cells, args: []any{d.opts.Namespace, listOf(part)},
			each: func(scan func(...any) error) error {
				c, err := scanCell(scan)
				found[c.Key] = c
				return err
			},
		})
		if err != nil {
			return nil, d.failure(ctx, err)
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
	return scan(ctx, d, pattern, pageSize, d.sql.firstCells, d.sql.nextCells, func(read func(...any) error) (string, driver.Cell, bool, error) {
		c, err := scanCell(read)
		return c.Key, c, c.Holds(), err
	})
}

// scanCell reads the columns of a key, its checkpoint and its fence.
func scanCell(scan func(...any) error) (driver.Cell, error) {
	var r row
	var f fenceRow
	var now string
	var checkpoint, fence bool
	fields := append(r.fields(), &checkpoint)
	fields = append(append(fields, f.fields()[1:]...), &fence, &now)
	if err := scan(fields...); err != nil {
		return driver.Cell{}, err
	}
	at, err := decodeNow(now)
	if err != nil {
		return driver.Cell{}, err
	}
	return joined(r, f, checkpoint, fence, at), nil
}

func joined(r row, f fenceRow, checkpoint, fence bool, now time.Time) driver.Cell {
	c := cell.Cell{Key: r.key}
	f.key = r.key
	if checkpoint {
		c.Checkpoint = r.stored()
	}
	if fence {
		c.Fence, c.Lease = f.fence(), f.lease()
	}
	return c.Visible(now)
}
