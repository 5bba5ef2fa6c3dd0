package sqlitestore

import (
	"context"
	"runtime"
	"sync/atomic"

	"github.com/checkpointstore/checkpoint/driver"
)

// A fast has the connections past database/sql, and the checkpoints that were read. A
// connection opens when a read first wants it.
type fast struct {
	dsn   string
	check func() error   // fails if the file is not the opened one any more
	slots chan *fastConn // nil: not open
	kept  *kept

	asked  atomic.Bool
	closed atomic.Bool
}

func newFast(dsn string, check func() error, kept *kept) *fast {
	f := &fast{dsn: dsn, check: check, kept: kept, slots: make(chan *fastConn, maxReaders())}
	for range cap(f.slots) {
		f.slots <- nil
	}
	return f
}

// maxReaders is how many connections of one kind read.
func maxReaders() int { return max(4, runtime.GOMAXPROCS(0)) }

// worthwhile reports whether there was a read before. A process that reads once, as a command
// does, need not open one more connection.
func (f *fast) worthwhile() bool { return f != nil && (f.asked.Load() || f.asked.Swap(true)) }

// with runs f with a connection. It waits for one until ctx ends.
func (f *fast) with(ctx context.Context, do func(*fastConn) error) error {
	var c *fastConn
	select {
	case c = <-f.slots:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { f.give(c) }()
	var err error
	if c, err = f.opened(c); err != nil {
		return err
	}
	if err := do(c); err != nil {
		return err
	}
	f.kept.learn(c)
	return nil
}

func (f *fast) opened(c *fastConn) (*fastConn, error) {
	switch {
	case f.closed.Load():
		return c, driver.ErrClosed
	case c != nil:
		return c, nil
	}
	c, err := openFast(f.dsn)
	if err != nil {
		return nil, err
	}
	// In this order: a file that takes another's place for a moment passes one of the checks at most.
	err = f.check()
	if err == nil && c.moved() {
		err = errReplaced
	}
	if err != nil {
		c.close() // it has read nothing, and so leaves the WAL alone
		return nil, err
	}
	return c, nil
}

// give takes back the connection of with. If f is closed, give closes it.
func (f *fast) give(c *fastConn) {
	f.slots <- c
	if f.closed.Load() {
		f.drain()
	}
}

// close closes the connections that no read uses. Any other closes when its read ends.
func (f *fast) close() {
	if f == nil {
		return
	}
	f.closed.Store(true)
	f.drain()
}

func (f *fast) drain() {
	for range cap(f.slots) {
		select {
		case c := <-f.slots:
			if c != nil {
				c.close()
			}
			f.slots <- nil
		default:
			return
		}
	}
}
