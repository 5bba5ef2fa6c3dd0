package pgstore

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/checkpointstore/checkpoint/driver"
)

// Get implements [driver.Driver]. Reads that wait at the same time go as one,
// except with [Options.NoShortcuts].
func (d *Driver) Get(ctx context.Context, keys []string) ([]driver.Record, error) {
	if err := d.ready(ctx); err != nil {
		return nil, err
	}
	// The reader may still write to the records when the caller has given up.
	records := make([]driver.Record, len(keys))
	all := make([]change, len(keys))
	reads := make([]*change, len(keys))
	for i, key := range keys {
		all[i] = change{key: key, found: &records[i]}
		reads[i] = &all[i]
	}
	for part := range slices.Chunk(reads, chunk) {
		if _, err := d.reader.do(ctx, part); err != nil {
			return nil, d.failure(ctx, err)
		}
		if err := part[0].end.err; err != nil { // one statement has read all
			return nil, d.failure(ctx, err)
		}
	}
	return records, nil
}

// lookUp reads what reads want, by one statement.
func (d *Driver) lookUp(ctx context.Context, reads []*change) {
	keys := make([]string, len(reads))
	for i, r := range reads {
		keys[i] = r.key
	}
	var records []driver.Record
	err := d.on(ctx, func(conn *pgxpool.Conn) (err error) {
		records, err = readRecords(ctx, pgxRunner{conn}.run, d.sql, d.opts.Namespace, keys)
		return err
	})
	for i, r := range reads {
		if r.end.err = err; err == nil {
			*r.found = records[i]
		}
	}
}

func readRecords(
	ctx context.Context, run func(context.Context, ...*statement) error, sql *statements, namespace string, keys []string,
) ([]driver.Record, error) {
	found := make(map[string]driver.Record, len(keys))
	for part := range slices.Chunk(keys, chunk) {
		each, answered := finding(found)
		s := statement{sql: sql.get, args: []any{namespace, listOf(part)}, each: each}
		if len(part) == 1 {
			s.sql, s.args[1] = sql.getOne, part[0]
		}
		err := run(ctx, &s)
		if err == nil && !*answered {
			err = errNoVersion(sql)
		}
		if err != nil {
			return nil, err
		}
	}
	records := make([]driver.Record, len(keys))
	for i, key := range keys {
		r, ok := found[key]
		if !ok {
			r = driver.Record{Key: key, Err: driver.ErrNotFound}
		}
		records[i] = r
	}
	return records, nil
}

// finding returns what reads the rows of a Get into found. It is answered once there is a row.
func finding(found map[string]driver.Record) (each func(scan func(...any) error) error, answered *bool) {
	var replica bool
	var key *string // nil: the row of no checkpoint
	r := newRecordReader()
	to := append([]any{&replica, &key}, r.to[1:]...)
	answered = new(bool)
	return func(scan func(...any) error) (err error) {
		*answered = true
		if err = scan(to...); err != nil || replica {
			return cmp.Or(err, ErrReplica)
		}
		if key != nil {
			r.row.key = *key
			found[*key], err = r.record()
		}
		return err
	}, answered
}

// A recordReader reads rows of the columns of a checkpoint and the time. One serves many rows,
// since what a row is read into takes four allocations.
type recordReader struct {
	row row
	now *string // NULL if the row never expires
	to  []any
}

func newRecordReader() *recordReader {
	r := new(recordReader)
	r.to = append(r.row.fields(), &r.now)
	return r
}

// record is the row as a record at the time of the server.
func (r *recordReader) record() (driver.Record, error) {
	var at time.Time
	if r.now != nil {
		var err error
		if at, err = decodeNow(*r.now); err != nil {
			return driver.Record{}, err
		}
	}
	return r.row.record(at), nil
}

// Scan implements [driver.Driver]. It goes in the order of the keys, so it never misses
// a key that stays. It holds no lock and no transaction between two pages.
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
		r := newRecordReader()
		scan(ctx, d, pattern, pageSize, d.sql.firstPage, d.sql.nextPage, func(read func(...any) error) (string, driver.Record, bool, error) {
			if err := read(r.to...); err != nil {
				return "", driver.Record{}, false, err
			}
			record, err := r.record()
			return record.Key, record, !errors.Is(record.Err, driver.ErrNotFound), err
		})(yield)
	}
}

// scan yields pages of what one reads from a row: a key, an item, and whether it counts.
func scan[T any](
	ctx context.Context, d *Driver, pattern string, pageSize int, first, next string,
	one func(read func(...any) error) (key string, item T, counts bool, err error),
) iter.Seq2[[]T, error] {
	return func(yield func([]T, error) bool) {
		prefix := literalPrefix(pattern)
		sql, from := first, prefix
		for more := true; more; {
			if err := d.ready(ctx); err != nil {
				yield(nil, err)
				return
			}
			var page []T
			n := 0
			err := d.read(ctx, &statement{
				sql: sql, args: []any{d.opts.Namespace, from, encodeNumber(uint64(pageSize))}, //nolint:gosec // a page has a size above 0
				each: func(read func(...any) error) error {
					key, item, counts, err := one(read)
					n++
					if from = key; counts && driver.MatchPattern(pattern, key) {
						page = append(page, item)
					}
					return err
				},
			})
			if err != nil {
				yield(nil, d.failure(ctx, err))
				return
			}
			if len(page) > 0 && !yield(page, nil) {
				return
			}
			sql = next
			more = n == pageSize && strings.HasPrefix(from, prefix)
		}
	}
}

// literalPrefix returns the text with which every key that matches pattern begins. It
// ends before bytes that PostgreSQL does not take as text.
func literalPrefix(pattern string) string {
	prefix := driver.LiteralPrefix(pattern)
	for i, r := range prefix {
		if r == 0 {
			return prefix[:i]
		}
		if r == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(prefix[i:]); size == 1 {
				return prefix[:i]
			}
		}
	}
	return prefix
}
