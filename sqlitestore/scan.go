package sqlitestore

import (
	"context"
	"errors"
	"iter"
	"strings"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
)

// Scan implements [driver.Driver]. It goes in the order of the keys, so it
// never misses a key that stays. It holds no lock between two pages.
func (d *Driver) Scan(ctx context.Context, pattern string, pageSize int) iter.Seq2[[]string, error] {
	return func(yield func([]string, error) bool) {
		for records, err := range d.ScanRecords(ctx, pattern, pageSize) {
			if err != nil {
				yield(nil, err)
				return
			}
			keys := make([]string, len(records))
			for i := range records {
				keys[i] = records[i].Key
			}
			if !yield(keys, nil) {
				return
			}
		}
	}
}

// ScanRecords implements [driver.RecordScanner].
func (d *Driver) ScanRecords(ctx context.Context, pattern string, pageSize int) iter.Seq2[[]driver.Record, error] {
	return func(yield func([]driver.Record, error) bool) {
		prefix := driver.LiteralPrefix(pattern)
		for next, more := prefix, true; more; {
			if err := d.ready(ctx); err != nil {
				yield(nil, err)
				return
			}
			p, err := readRows(ctx, d, func(rows rows) (page, error) { return readPage(rows, pattern, next, pageSize) })
			if err != nil {
				yield(nil, err)
				return
			}
			if len(p.records) > 0 && !yield(p.records, nil) {
				return
			}
			more = p.more && strings.HasPrefix(p.last, prefix)
			next = p.last + "\x00" // no key lies between
		}
	}
}

// A page is the result of one step of a scan.
type page struct {
	records []driver.Record // whose keys match
	last    string          // last key that the step has looked at
	more    bool            // whether more keys may follow
}

// errOrder: a page is out of order. A scan that goes on from there could miss
// keys, or never end.
var errOrder = errors.New("the file is damaged: its keys are out of order; PRAGMA integrity_check says more")

// readPage looks at pageSize keys, from next on.
func readPage(rows rows, pattern, next string, pageSize int) (page, error) {
	var p page
	now, n := time.Now(), 0
	err := rows(func(r *row) error {
		if r.key < next || n > 0 && r.key <= p.last {
			return errOrder
		}
		n++
		p.last = r.key
		if !driver.MatchPattern(pattern, r.key) {
			return nil
		}
		if record := r.record(now); !errors.Is(record.Err, driver.ErrNotFound) {
			if p.records == nil {
				p.records = make([]driver.Record, 0, min(pageSize, chunk))
			}
			p.records = append(p.records, record)
		}
		return nil
	}, sqlPage, next, pageSize)
	p.more = n == pageSize
	return p, err
}
