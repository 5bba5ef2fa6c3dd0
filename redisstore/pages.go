package redisstore

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/checkpointstore/checkpoint/driver"
)

// pages reads the checkpoints that a walk finds. maxReads pipelines are always at the server, also
// from the end of one page of keys to the begin of the next. Each read yields a page.
type pages struct {
	driver *Driver
	yield  func([]driver.Record, error) bool
	left   bool // the caller has left the loop
	reads  []*readOfPages
	todo   chan *readOfPages // for maxReads goroutines, whose stacks stay as large as a read needs
}

type readOfPages struct {
	keys    []string
	done    chan struct{}
	records []driver.Record
	err     error
}

// walk reads all that a walk finds. It returns the error of the walk or of a read, or nil if
// the caller has left.
func (p *pages) walk(ctx context.Context, pattern string, pageSize int) error {
	p.todo = make(chan *readOfPages, maxReads)
	defer close(p.todo)
	// The caller of ahead leaves when ctx ends. So a read need not, and needs no other goroutine.
	reading := context.WithoutCancel(ctx)
	for range maxReads {
		go func() {
			for r := range p.todo {
				r.records, r.err = p.driver.Get(reading, r.keys)
				close(r.done)
			}
		}()
	}
	for keys, err := range p.driver.Scan(ctx, pattern, pageSize) {
		if err != nil {
			return cmp.Or(p.settle(0), err)
		}
		for some := range slices.Chunk(keys, p.driver.mostKeys()) {
			if err := p.settle(maxReads - 1); err != nil || p.left {
				return err
			}
			r := &readOfPages{keys: some, done: make(chan struct{})}
			p.reads = append(p.reads, r)
			p.todo <- r
		}
	}
	return p.settle(0)
}

// settle yields pages until at most n reads are under way.
func (p *pages) settle(n int) error {
	for len(p.reads) > n && !p.left {
		r := p.reads[0]
		p.reads = p.reads[1:]
		<-r.done
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
		<-r.done
	}
}
