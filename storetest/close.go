package storetest

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
)

var closeCases = []Case{
	{
		Name: "close/then-every-method",
		Rule: "After Close a call ends as it would have without Close, or with ErrClosed. It never ends as if " +
			"the store were empty.",
		run: func(c *client) {
			attempts, keys := c.furnished()
			c.close()
			for i, a := range attempts {
				c.within(a.name+" after Close", func() { c.afterClose(a.name, a.run(c.ctx, c.driver, keys[i])) })
			}
		},
	},
	{
		Name: "close/while-calls-run",
		Rule: "A call that is under way at Close ends: either as it would have without Close, or with " +
			"ErrClosed.",
		run: closeWhileCallsRun,
	},
	{
		Name: "close/in-a-scan",
		Rule: "A scan that is under way at Close ends: either as it would have without Close, or with " +
			"ErrClosed. It never misses keys without an error.",
		run: func(c *client) {
			for i, s := range c.scanners() {
				by := *c
				if i > 0 {
					by.driver = c.harness.Open(c.TB)
				}
				by.closeInScan(s)
			}
		},
	},
}

// furnished returns attempts for every method that the driver has, each with a key that
// has all that an attempt may find.
func (c *client) furnished() (attempts []attempt, keys []string) {
	c.Helper()
	attempts = c.attempts()
	if leasing.has(c.driver) {
		attempts = append(attempts, c.leaseAttempts(c.acquires("held", "a", far))...)
	}
	t := recently()
	for i := range attempts {
		key := fmt.Sprintf("k/%d", i)
		keys = append(keys, key)
		c.put(sampled(t, set(key, 1, 0)), sampled(t.Add(bucket), set(key, 2, 0)))
		if leasing.has(c.driver) {
			c.acquires(key, "a", far)
		}
		if reporting.has(c.driver) {
			c.reports(key, "a", "text", far)
		}
	}
	return attempts, keys
}

func (c *client) closeInScan(s scanner) {
	c.Helper()
	keys := c.fill(50)
	found := 0
	var last error
	c.within(s.name+" whose loop closes the driver", func() {
		for n, err := range s.pages(c.ctx, c.driver, 1) {
			if found == 0 {
				c.close()
			}
			found += n
			last = err
		}
	})
	c.afterClose(s.name, last)
	if last == nil && found != len(keys) {
		c.Errorf("%s ended without an error and with %d of %d keys", s.name, found, len(keys))
	}
}

func closeWhileCallsRun(c *client) {
	attempts, keys := c.furnished()
	var started, running sync.WaitGroup
	stop := make(chan struct{})
	for i, a := range attempts {
		started.Add(1)
		running.Go(func() {
			for n, last := 0, false; ; n++ {
				err := a.run(c.ctx, c.driver, keys[i])
				if a.name != "Delete" || !errors.Is(err, errNothing) { // it has done its work before
					c.afterClose(a.name, err)
				}
				if n == 0 {
					started.Done()
				}
				if last {
					return
				}
				select {
				case <-stop:
					last = true
				case <-time.After(time.Millisecond):
				}
			}
		})
	}
	started.Wait()
	defer c.within("a call that was under way at Close", running.Wait)
	defer close(stop)
	c.close()
}

func (c *client) close() {
	c.Helper()
	c.within("Close", func() {
		if err := c.driver.Close(); err != nil {
			c.Errorf("Close: %v", err)
		}
	})
}

func (c *client) afterClose(name string, err error) {
	c.Helper()
	if err != nil && (!errors.Is(err, driver.ErrClosed) || errors.Is(err, errShape)) {
		c.Errorf("%s after Close: %v, want an answer or ErrClosed", name, err)
	}
}
