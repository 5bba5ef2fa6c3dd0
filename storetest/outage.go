package storetest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
)

var outageCases = []Case{
	{
		Name: "outage/every-method",
		Rule: "If the engine fails or cannot be reached, every method fails. Its error is never ErrNotFound " +
			"and never ErrCorrupt, and the method never returns an empty page or a count of zero instead.",
		run: outageEveryMethod,
	},
	{
		Name: "outage/mid-scan",
		Rule: "If the engine fails during a scan, the scan ends with an error, or has found every key.",
		run: func(c *client) {
			for _, s := range c.scanners() {
				c.outageMidScan(s)
			}
		},
	},
	{
		Name: "outage/recovery",
		Rule: "When the engine is back, the driver works again by itself. All stored data is there, and no " +
			"write that Failed meanwhile has landed.",
		run: outageRecovery,
	},
}

// outageLimit ends calls to an engine that does not answer. A driver may spend
// all of it on attempts to connect again.
const outageLimit = 500 * time.Millisecond

func outageEveryMethod(c *client) {
	c.put(set("k", 1, 0))
	restore := c.outage()
	defer restore()
	c.failsInOutage("k", c.attempts()...)
}

// failsInOutage checks attempts while the engine fails.
func (c *client) failsInOutage(key string, attempts ...attempt) {
	c.Helper()
	for _, a := range attempts {
		ctx, cancel := context.WithTimeout(c.ctx, outageLimit)
		var err error
		c.promptly(a.name+" in an outage", func() { err = a.run(ctx, c.driver, key) })
		cancel()
		c.judge(a.name, err)
	}
}

func (c *client) outageMidScan(s scanner) {
	c.Helper()
	const total = 200
	c.fill(total)
	ctx, cancel := context.WithCancel(c.ctx)
	defer cancel()
	next, stop := iter.Pull2(s.pages(ctx, c.driver, 1))
	hangs := false
	defer func() {
		if !hangs { // next and stop must not run at once
			stop()
		}
	}()
	found, err, _ := next()
	if err != nil {
		c.Fatalf("%s: %v", s.name, err)
	}
	restore := sync.OnceFunc(c.outage())
	defer restore()
	time.AfterFunc(outageLimit, cancel)
	hangs = true
	c.promptly(s.name+" in an outage", func() {
		for n, e, more := next(); more; n, e, more = next() {
			found, err = found+n, e
		}
	})
	hangs = false
	switch {
	case err != nil:
		c.judge(s.name, err)
	case found != total:
		c.Errorf("%s ended without an error and with %d of %d keys when the engine failed", s.name, found, total)
	}
	restore()
	c.recovers()
}

// recovers waits until the engine answers again.
func (c *client) recovers() {
	c.Helper()
	c.eventually("the driver works again after an outage", func() bool {
		records, err := c.driver.Get(c.ctx, []string{"no such key"})
		return err == nil && errors.Is(records[0].Err, driver.ErrNotFound)
	})
}

func outageRecovery(c *client) {
	kept := []driver.Write{
		set("kept/0", 1, 2),
		expiring(far, at(evening, ifNewer("kept/1", 1<<63, 0))),
		fenced(7, set("kept/2", 3, 4)),
	}
	c.put(kept...)
	restore := sync.OnceFunc(c.outage())
	defer restore()
	outcomes := make([]driver.Outcome, 4)
	for i := range outcomes {
		ctx, cancel := context.WithTimeout(c.ctx, outageLimit)
		c.promptly("Write in an outage", func() {
			var err error
			outcomes[i], err = tryWrite(ctx, c.driver, fenced(5, ifNewer(fmt.Sprintf("lost/%d", i), 1, 0)))
			c.judge("IfNewer", err)
		})
		cancel()
	}
	restore()
	c.recovers()
	for _, w := range kept {
		c.holds(w)
	}
	c.refusesBelow(7, "kept/2")
	for i, o := range outcomes {
		if o == driver.Failed {
			key := fmt.Sprintf("lost/%d", i)
			c.missing(key)
			c.gets(driver.Advanced, fenced(1, set(key, 1, 0)))
		}
	}
	c.put(set("after", 1, 0))
	c.holds(set("after", 1, 0))
}
