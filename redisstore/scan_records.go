package redisstore

import (
	"context"
	"errors"
	"iter"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
)

var _ driver.RecordScanner = (*Driver)(nil)

// pagesAhead is how many pages are read before they are asked for.
const pagesAhead = 2

// ScanRecords implements [driver.RecordScanner]. It reads some pages while the
// caller is at the one before them, and so holds a few at a time.
func (d *Driver) ScanRecords(ctx context.Context, pattern string, pageSize int) iter.Seq2[[]driver.Record, error] {
	return func(yield func([]driver.Record, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		pages := make(chan *page, pagesAhead)
		go d.readPages(ctx, pattern, pageSize, pages)
		defer func() {
			cancel()
			for p := range pages { // until nothing is under way any more
				<-p.read
			}
		}()
		for p := range pages {
			<-p.read
			if !yield(p.present()) || p.err != nil {
				return
			}
		}
	}
}

// A page is what its fields say once read is closed.
type page struct {
	records []driver.Record
	err     error
	read    chan struct{}
}

// readPages puts the pages of a scan into pages, in their order, and closes it.
func (d *Driver) readPages(ctx context.Context, pattern string, pageSize int, pages chan<- *page) {
	defer close(pages)
	for keys, err := range d.Scan(ctx, pattern, pageSize) {
		p := &page{err: err, read: make(chan struct{})}
		go func() {
			defer close(p.read)
			if p.err == nil {
				p.records, p.err = d.Get(ctx, keys)
			}
		}()
		pages <- p // also at the end of ctx, which is then p's error
	}
}

// present is the page without the checkpoints that are gone since they were found.
func (p *page) present() ([]driver.Record, error) {
	if p.err != nil {
		return nil, p.err
	}
	present := p.records[:0]
	for _, r := range p.records {
		if !errors.Is(r.Err, checkpoint.ErrNotFound) {
			present = append(present, r)
		}
	}
	return present, nil
}
