package group_test

import (
	"context"
	"sync"

	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/memstore"
)

type state int

const (
	up state = iota
	down
	hung // calls wait for their contexts, or until the cable is up
)

// A cable leads from a process to the engine.
type cable struct {
	*memstore.Driver
	mu      sync.Mutex
	state   state
	denied  bool // reports fail, and nothing else
	deaf    bool // nobody hears of the end of a lease
	reports int  // that were begun
	changed chan struct{}
}

func (c *cable) deny(denied bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.denied = denied
}

func (c *cable) isDenied() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.denied
}

// reported returns how many reports were begun since the last call.
func (c *cable) reported() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.reports
	c.reports = 0
	return n
}

func (c *cable) set(s state) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state != s {
		c.state = s
		close(c.changed)
		c.changed = make(chan struct{})
	}
}

// pass returns when a call may go on.
func (c *cable) pass(ctx context.Context) error {
	for {
		c.mu.Lock()
		state, changed := c.state, c.changed
		c.mu.Unlock()
		switch state {
		case up:
			return nil
		case down:
			return errDown
		case hung:
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (c *cable) Get(ctx context.Context, keys []string) ([]driver.Record, error) {
	if err := c.pass(ctx); err != nil {
		return nil, err
	}
	return c.Driver.Get(ctx, keys)
}

func (c *cable) Write(ctx context.Context, writes []driver.Write) ([]driver.Result, error) {
	if err := c.pass(ctx); err != nil {
		return nil, err
	}
	return c.Driver.Write(ctx, writes)
}

func (c *cable) Acquire(ctx context.Context, leases []driver.Lease) ([]driver.LeaseResult, error) {
	if err := c.pass(ctx); err != nil {
		return nil, err
	}
	return c.Driver.Acquire(ctx, leases)
}

func (c *cable) Renew(ctx context.Context, leases []driver.Lease) ([]driver.LeaseResult, error) {
	if err := c.pass(ctx); err != nil {
		return nil, err
	}
	return c.Driver.Renew(ctx, leases)
}

func (c *cable) Release(ctx context.Context, leases []driver.Lease) ([]driver.LeaseResult, error) {
	if err := c.pass(ctx); err != nil {
		return nil, err
	}
	return c.Driver.Release(ctx, leases)
}

func (c *cable) Report(ctx context.Context, reports []driver.Report) ([]driver.ReportResult, error) {
	c.mu.Lock()
	c.reports++
	c.mu.Unlock()
	if err := c.pass(ctx); err != nil {
		return nil, err
	}
	if c.isDenied() {
		return nil, errDown
	}
	return c.Driver.Report(ctx, reports)
}

func (c *cable) Reports(ctx context.Context, keys []string) ([][]driver.Report, error) {
	if err := c.pass(ctx); err != nil {
		return nil, err
	}
	return c.Driver.Reports(ctx, keys)
}

func (c *cable) Inspect(ctx context.Context, keys []string) ([]driver.Cell, error) {
	if err := c.pass(ctx); err != nil {
		return nil, err
	}
	return c.Driver.Inspect(ctx, keys)
}

func (c *cable) LeaseEnds(ctx context.Context, keys []string) (<-chan struct{}, error) {
	if c.deaf {
		return nil, driver.ErrUnsupported
	}
	return c.Driver.LeaseEnds(ctx, keys)
}
