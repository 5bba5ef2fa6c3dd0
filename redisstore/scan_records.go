package redisstore

import (
	"context"
	"iter"

	"github.com/checkpointstore/checkpoint/driver"
)

var _ driver.RecordScanner = (*Driver)(nil)

// ScanRecords implements [driver.RecordScanner]. It reads the next page while
// the caller is at the one before it.
func (d *Driver) ScanRecords(ctx context.Context, pattern string, pageSize int) iter.Seq2[[]driver.Record, error] {
	type page struct {
		records []driver.Record
		err     error
	}
	// Without its own ScanRecords, which is this one.
	plain := struct{ driver.Driver }{d}
	return func(yield func([]driver.Record, error) bool) {
		pages := make(chan page)
		left := make(chan struct{})
		go func() {
			defer close(pages)
			for records, err := range driver.ScanRecords(ctx, plain, pattern, pageSize) {
				select {
				case pages <- page{records, err}:
				case <-left:
					return
				}
			}
		}()
		defer func() {
			close(left)
			for range pages { // until nothing is under way any more
			}
		}()
		for p := range pages {
			if !yield(p.records, p.err) {
				return
			}
		}
	}
}
