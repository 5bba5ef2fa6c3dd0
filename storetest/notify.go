package storetest

import (
	"context"
	"errors"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
)

var notifying = &ability{
	name: "LeaseEnds",
	has:  implements[driver.Notifier],
	ask: func(ctx context.Context, d driver.Driver) error {
		_, err := driver.LeaseEnds(ctx, d, nil)
		return err
	},
	err: driver.ErrUnsupported,
}

// shortly is a time in which what has begun is usually done.
const shortly = 20 * time.Millisecond

var notifyCases = []Case{
	{
		Name:  "notify/release",
		Rule:  "After a Release, by whichever driver, who waits for the key is woken.",
		needs: notifying,
		run:   wakes(func(by *client, lease driver.Lease) { by.releases(lease) }),
	},
	{
		Name:  "notify/raise-fence",
		Rule:  "After a RaiseFence, by whichever driver, who waits for the key is woken.",
		needs: notifying,
		run: func(c *client) {
			if !c.lacks(fencing) {
				wakes(func(by *client, lease driver.Lease) { by.raises(lease.Epoch+1, lease.Key, 0) })(c)
			}
		},
	},
	{
		Name:  "notify/rewind",
		Rule:  "After a Rewind, by whichever driver, who waits for the key is woken.",
		needs: notifying,
		run: wakes(func(by *client, lease driver.Lease) {
			by.gets(driver.Advanced, rewind(lease.Key, 1, 0))
		}),
	},
	{
		Name: "notify/many-keys",
		Rule: "Who waits for several keys is woken for each of them, and each of several who wait for a key is " +
			"woken.",
		needs: notifying,
		run:   notifyManyKeys,
	},
	{
		Name:  "notify/slow",
		Rule:  "A waiter that does not read holds up nobody, and loses no wake-up: the channel holds one value.",
		needs: notifying,
		run: func(c *client) {
			ends, fast := c.awaits(c.ctx, "k"), c.awaits(c.ctx, "k")
			for range 20 {
				c.releases(c.acquires("k", "a", far))
				c.woken(fast, "after a Release")
			}
			time.Sleep(shortly) // a wake-up that only a reader gets is lost by now
			c.woken(ends, "when it reads at last")
		},
	},
	{
		Name:  "notify/context",
		Rule:  "If its context ends, LeaseEnds closes the channel, and wakes others all the same. If the context has ended before, LeaseEnds fails with its error.",
		needs: notifying,
		run: func(c *client) {
			ctx, cancel := context.WithCancel(c.ctx)
			ends, other := c.awaits(ctx, "k"), c.awaits(c.ctx, "k")
			cancel()
			c.closed(ends, "when its context ends")
			time.Sleep(shortly) // whatever else the end of a context does is done by now
			c.releases(c.acquires("k", "a", far))
			c.woken(other, "after a Release")
			if _, err := driver.LeaseEnds(ctx, c.driver, []string{"k"}); !errors.Is(err, context.Canceled) {
				c.Errorf("LeaseEnds with a context that has ended: %v, want the context's error", err)
			}
		},
	},
	{
		Name:  "notify/close",
		Rule:  "Close closes the channels. Then LeaseEnds fails with ErrClosed.",
		needs: notifying,
		run: func(c *client) {
			ends := c.awaits(c.ctx, "k")
			c.close()
			c.closed(ends, "when the driver is closed")
			if _, err := driver.LeaseEnds(c.ctx, c.driver, []string{"k"}); !errors.Is(err, driver.ErrClosed) {
				c.Errorf("LeaseEnds after Close: %v, want ErrClosed", err)
			}
		},
	},
	{
		Name: "notify/outage",
		Rule: "After an outage a waiter is woken again, or its channel is closed. LeaseEnds returns at once, even if " +
			"the engine does not answer.",
		needs: notifying,
		run:   notifyOutage,
	},
}

// wakes ends leases, by the waiter's own driver and by another.
func wakes(end func(by *client, lease driver.Lease)) func(*client) {
	return func(c *client) {
		for key, by := range map[string]*client{"by the same": c, "by another": c.another()} {
			lease := c.acquires(key, "a", far)
			ends := c.awaits(c.ctx, key)
			end(by, lease)
			c.woken(ends, "when its lease is ended "+key+" driver")
			c.acquires(key, "b", far)
		}
	}
}

func notifyManyKeys(c *client) {
	keys := []string{"k/0", "k/1", "k/2"}
	one := c.awaits(c.ctx, keys[0])
	all := c.awaits(c.ctx, keys...)
	for range keys { // each may have begun by itself
		select {
		case <-all:
		case <-time.After(shortly):
		}
	}
	for _, key := range keys {
		c.releases(c.acquires(key, "a", far))
		c.woken(all, "after a Release of "+key)
	}
	c.woken(one, "after a Release of "+keys[0])
}

func notifyOutage(c *client) {
	lease := c.acquires("k", "a", far)
	ends := c.awaits(c.ctx, "k")
	restore := c.outage()
	c.within("LeaseEnds in an outage", func() { _, _ = driver.LeaseEnds(c.ctx, c.driver, []string{"other"}) })
	restore()
	c.eventually("a Release succeeds after the outage", func() bool { return c.tryRelease(c.ctx, lease) == nil })
	c.heard(ends, "after the outage")
}

// awaits calls LeaseEnds, and waits until the driver listens.
func (c *client) awaits(ctx context.Context, keys ...string) (ends <-chan struct{}) {
	c.Helper()
	c.within("LeaseEnds", func() {
		var err error
		if ends, err = driver.LeaseEnds(ctx, c.driver, keys); err != nil {
			c.Errorf("LeaseEnds: %v", err)
		}
	})
	c.woken(ends, "when the driver begins to listen")
	return ends
}

// heard waits until ends receives a value, or is closed. It reports whether it received
// a value.
func (c *client) heard(ends <-chan struct{}, when string) bool {
	c.Helper()
	select {
	case _, open := <-ends:
		return open
	case <-time.After(patience):
		c.Fatalf("%s a waiter is not woken", when)
		return false
	}
}

func (c *client) woken(ends <-chan struct{}, when string) {
	c.Helper()
	if !c.heard(ends, when) {
		c.Fatalf("%s the channel of a waiter is closed, want a value", when)
	}
}

func (c *client) closed(ends <-chan struct{}, when string) {
	c.Helper()
	c.within("a channel that must be closed "+when, func() {
		for range ends {
		}
	})
}
