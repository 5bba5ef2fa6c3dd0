package redisstore

import (
	"context"
	"errors"
	"slices"

	"github.com/checkpointstore/checkpoint/driver"
)

// pages reads the checkpoints that a walk finds. maxReads reads are always at the server, also
// from the end of one page of keys to the begin of the next. Each read yields a page.
type pages struct {
	driver *Driver
	yield  func([]driver.Record, error) bool
	left   bool // the caller has left the loop
	reads  []chan readOfPages
}

type readOfPages struct {
	records []driver.Record
	err     error
}

// walk reads all that a walk finds. It returns the error of the walk or of a read, or nil if
// the caller has left.
func (p *pages) walk(ctx context.Context, pattern string, pageSize int) error {
	for keys, err := range p.driver.Scan(ctx, pattern, pageSize) {
		if err != nil {
			return errors.Join(p.settle(0), err)
		}
		for some := range slices.Chunk(keys, p.driver.mostKeys()) {
			if err := p.settle(maxReads - 1); err != nil || p.left {
				return err
			}
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

// settle yields pages until at most n reads are under way.
func (p *pages) settle(n int) error {
	for len(p.reads) > n && !p.left {
		r := <-p.reads[0]
		p.reads = p.reads[1:]
		if r.err != nil {
			return r.err
		}
		gone := func(r driver.Record) bool { return errors.Is(r.Err, driver.ErrNotFound) } // since it was found
		p.left = !p.yield(slices.DeleteFunc(r.records, gone), nil)
	}
	return nil
}

// wait waits for the reads under way.
func (p *pages) wait() {
	for _, r := range p.reads {
		<-r
	}
}
