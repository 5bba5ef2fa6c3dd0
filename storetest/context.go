package storetest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
)

var contextCases = []Case{
	{
		Name: "context/ended-before",
		Rule: "A call whose context has ended fails with an error that wraps the context's error, and changes " +
			"nothing.",
		run: contextEndedBefore,
	},
	{
		Name: "context/deadline",
		Rule: "If a deadline has ended the context, the call fails with an error that wraps " +
			"context.DeadlineExceeded.",
		run: func(c *client) {
			c.put(set("k", 1, 0))
			ctx, cancel := context.WithDeadline(c.ctx, time.Now().Add(-time.Second))
			defer cancel()
			c.failsByContext(ctx, "k")
		},
	},
	{
		Name: "context/ends-in-a-scan",
		Rule: "If the context of a scan ends while the scan runs, the scan ends with an error that wraps the " +
			"context's error.",
		run: func(c *client) {
			keys := c.fill(200)
			for _, s := range c.scanners() {
				c.endsInScan(s, len(keys))
			}
			c.lists("*", 50, keys...)
		},
	},
	{
		Name: "context/ends-in-a-write",
		Rule: "If the context of a write ends while the write runs, an answer means that the write has " +
			"landed, and Failed means that it has not. Any other result is Unknown.",
		run: contextEndsInWrite,
	},
	{
		Name: "context/ends-in-an-outage",
		Rule: "Every method returns soon after its context ends, with an error, even if the engine does not answer.",
		run:  contextEndsInOutage,
	},
}

func contextEndedBefore(c *client) {
	w := fenced(5, expiring(far, set("k", 10, 0)))
	c.put(w)
	before := c.one("k")
	ctx, cancel := context.WithCancel(c.ctx)
	cancel()
	c.failsByContext(ctx, "k")
	if _, err := tryWrite(ctx, c.driver, fenced(9, set("new", 1, 0))); !errors.Is(err, context.Canceled) {
		c.Errorf("Set of a new key: error %v does not wrap context.Canceled", err)
	}
	c.unchanged(before)
	c.lists("*", 10, "k")
	c.refusesBelow(5, "k")
	c.gets(driver.Advanced, fenced(1, set("new", 1, 0)))
}

// failsByContext checks attempts whose context has ended.
func (c *client) failsByContext(ctx context.Context, key string) {
	c.Helper()
	for _, a := range c.attempts() {
		var err error
		c.promptly(a.name+" after its context ended", func() { err = a.run(ctx, c.driver, key) })
		if c.judge(a.name, err) && !errors.Is(err, ctx.Err()) {
			c.Errorf("%s: error %v does not wrap: %v", a.name, err, ctx.Err())
		}
	}
}

// endsInScan ends the context at the first page.
func (c *client) endsInScan(s scanner, total int) {
	c.Helper()
	ctx, cancel := context.WithCancel(c.ctx)
	defer cancel()
	var last error
	seen := 0
	c.promptly(s.name+" after its context ended", func() {
		for n, err := range s.pages(ctx, c.driver, 1) {
			cancel()
			seen, last = seen+n, err
		}
	})
	if !errors.Is(last, context.Canceled) {
		c.Fatalf("%s ended after %d keys of %d with error %v, want one that wraps context.Canceled", s.name, seen, total, last)
	}
}

// contextEndsInWrite ends contexts at varying moments, and reads again at the
// end: a write that Failed must not land later either.
func contextEndsInWrite(c *client) {
	const n = 300
	outcomes := make([]driver.Outcome, n)
	key := func(i int) string { return fmt.Sprintf("k/%d", i) }
	check := func(i int, when string) {
		r := c.read(key(i))[0]
		found := r.Err == nil
		if !found {
			c.isOnly(driver.ErrNotFound, r.Err, "Get of "+key(i))
		}
		switch outcomes[i] {
		case driver.Unknown:
		case driver.Failed:
			if found {
				c.Fatalf("a write whose context ended was Failed, and %s it is there: %s", when, show(r))
			}
		default:
			if !found {
				c.Fatalf("a write whose context ended was answered, and %s it is not there: %v", when, r.Err)
			}
		}
	}
	for i := range n {
		ctx, cancel := context.WithCancel(c.ctx)
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			for range i {
				runtime.Gosched()
			}
			cancel()
		}()
		var err error
		outcomes[i], err = tryWrite(ctx, c.driver, ifNewer(key(i), 1, 0))
		<-ended
		if err != nil && (!c.judge("IfNewer", err) || !errors.Is(err, context.Canceled)) {
			c.Fatalf("IfNewer whose context ended: error %v, want one that wraps context.Canceled", err)
		}
		check(i, "at once")
	}
	for i := range n {
		check(i, "at the end")
	}
}

func contextEndsInOutage(c *client) {
	c.put(set("kept", 1, 0), set("k", 1, 0))
	restore := c.outage()
	defer restore()
	for _, a := range c.attempts() {
		ctx, cancel := context.WithTimeout(c.ctx, 50*time.Millisecond)
		var err error
		c.promptly(a.name+" on an engine that does not answer", func() { err = a.run(ctx, c.driver, "k") })
		cancel()
		c.judge(a.name, err)
	}
}
