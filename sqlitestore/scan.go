package sqlitestore

import (
	"context"
	"errors"
	"iter"
	"strings"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
)

// Scan implements [driver.Driver]. It goes by order of the key, so that a key
// that stays is never missed, and holds no lock from one page to the next.
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
		prefix := literalPrefix(pattern)
		for next, more := prefix, true; more; {
			page, last, err := d.readPage(ctx, pattern, next, pageSize)
			if err != nil {
				yield(nil, err)
				return
			}
			if len(page) > 0 && !yield(page, nil) {
				return
			}
			more = last != "" && strings.HasPrefix(last, prefix)
			next = last + "\x00" // no key lies between
		}
	}
}

// readPage looks at pageSize keys from next on. It returns the records of
// those that match, and the last key that it looked at, or "" at the end.
func (d *Driver) readPage(
	ctx context.Context, pattern, next string, pageSize int,
) (page []driver.Record, last string, err error) {
	if err := d.ready(ctx); err != nil {
		return nil, "", err
	}
	err = whileBusy(ctx, d.busyTimeout, func() error {
		page, last = nil, ""
		now, n := time.Now(), 0
		err := query(ctx, d.page, func(r *row) {
			n++
			last = r.key
			if !checkpoint.MatchPattern(pattern, r.key) {
				return
			}
			if record := r.record(now); !errors.Is(record.Err, checkpoint.ErrNotFound) {
				page = append(page, record)
			}
		}, next, pageSize)
		if n < pageSize {
			last = ""
		}
		return err
	})
	if err != nil {
		return nil, "", d.failure(ctx, err)
	}
	return page, last, nil
}

// literalPrefix is what every key that matches pattern begins with.
func literalPrefix(pattern string) string {
	var b strings.Builder
	for i := 0; i < len(pattern); i++ {
		switch pattern[i] {
		case '*', '?', '[':
			return b.String()
		case '\\':
			if i+1 < len(pattern) {
				i++
			}
		}
		b.WriteByte(pattern[i])
	}
	return b.String()
}
