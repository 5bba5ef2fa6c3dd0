package redisstore

import (
	"context"
	"errors"

	"github.com/checkpointstore/checkpoint/driver"
)

// pages reads the checkpoints that a walk finds. maxReads reads are always at the server, also
// from the end of one page of keys to the begin of the next, and their records come in the
// order of the keys.
type pages struct {
	driver *Driver
	size   int
	yield  func([]driver.Record, error) bool
	left   bool // the caller has left the loop
	reads  []chan readOfPages
	page   []driver.Record
}

type readOfPages struct {
	records []driver.Record
	err     error
}

// read walks, and yields all pages but the last. It returns the error of the walk or of a
// read, or nil if the caller has left.
func (p *pages) read(ctx context.Context, pattern string) error {
	for keys, err := range p.driver.Scan(ctx, pattern, p.size) {
		if err != nil {
			return err
		}
		for from := 0; from < len(keys); from += maxRead {
			if err := p.settle(maxReads - 1); err != nil || p.left {
				return err
			}
			some := keys[from:min(from+maxRead, len(keys))]
			done := make(chan readOfPages, 1)
			p.reads = append(p.reads, done)
			go func() {
				records, err := p.driver.Get(ctx, some)
				done <- readOfPages{records, err}
			}()
		}
	}
	return p.settle(0)
}

// settle waits until at most n reads are under way.
func (p *pages) settle(n int) error {
	for len(p.reads) > n && !p.left {
		r := <-p.reads[0]
		p.reads = p.reads[1:]
		if r.err != nil {
			return r.err
		}
		for i := range r.records {
			if !errors.Is(r.records[i].Err, driver.ErrNotFound) { // expired or deleted since it was found
				p.page = append(p.page, r.records[i])
			}
		}
		if len(p.page) >= p.size {
			p.left = !p.yield(p.page, nil)
			p.page = make([]driver.Record, 0, p.size+maxRead)
		}
	}
	return nil
}

// finish waits for the reads under way, and yields the last page and the error.
func (p *pages) finish(err error) {
	for _, r := range p.reads {
		<-r
	}
	if p.left || len(p.page) > 0 && !p.yield(p.page, nil) || err == nil {
		return
	}
	p.yield(nil, err)
}
