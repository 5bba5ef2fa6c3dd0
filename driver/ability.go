package driver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
)

// A RecordScanner is a Driver that can read checkpoints while it scans, faster
// than Scan and Get in turn.
type RecordScanner interface {
	// ScanRecords yields what Scan yields, as records in place of keys. The record of a
	// damaged checkpoint carries its Err. No record has ErrNotFound.
	ScanRecords(ctx context.Context, pattern string, pageSize int) iter.Seq2[[]Record, error]
}

// ScanRecords calls d's own ScanRecords if d is a [RecordScanner]. Otherwise it calls
// Get for each page of keys that Scan yields, and leaves out the keys that are gone by
// then.
func ScanRecords(ctx context.Context, d Driver, pattern string, pageSize int) iter.Seq2[[]Record, error] {
	if s, ok := d.(RecordScanner); ok {
		return s.ScanRecords(ctx, pattern, pageSize)
	}
	return func(yield func([]Record, error) bool) {
		for keys, err := range d.Scan(ctx, pattern, pageSize) {
			if err != nil {
				yield(nil, err)
				return
			}
			records, err := Get(ctx, d, keys)
			if err != nil {
				yield(nil, err)
				return
			}
			present := records[:0]
			for _, r := range records {
				if !errors.Is(r.Err, ErrNotFound) {
					present = append(present, r)
				}
			}
			if !yield(present, nil) {
				return
			}
		}
	}
}

// Get calls d's Get. It returns an error unless d answers with one record for each key:
// a missing record would look like a missing checkpoint.
func Get(ctx context.Context, d Driver, keys []string) ([]Record, error) {
	records, err := d.Get(ctx, keys)
	if err == nil && len(records) != len(keys) {
		return nil, wrongCount("keys", len(keys), "records", len(records))
	}
	return records, err
}

// A Namer is a Driver that has a name of its own for log records.
type Namer interface {
	// Name is the engine's name as a word: "Redis", "SQLite", "Memory".
	Name() string
}

// Name returns the name of d if d is a [Namer], otherwise "".
func Name(d Driver) string {
	if n, ok := d.(Namer); ok {
		return n.Name()
	}
	return ""
}

func describe(d Driver) string { return cmp.Or(Name(d), fmt.Sprintf("%T", d)) }

func unsupported(d Driver, what string) error {
	return fmt.Errorf("%w: %s: %s", ErrUnsupported, describe(d), what)
}

func wrongCount(asked string, n int, answered string, m int) error {
	return fmt.Errorf("the driver answered %d %s with %d %s", n, asked, m, answered)
}
