package storetest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
)

// How a lease goes on, and how it ends.
var endOfLeaseCases = []Case{
	{
		Name: "lease/next-owner",
		Rule: "When a lease has expired, another owner can get one with a higher epoch. The former owner can " +
			"then neither write nor renew, and its Release changes nothing.",
		needs: leasing,
		waits: true,
		run: func(c *client) {
			first := c.acquires("k", "a", c.soon())
			c.letExpire()
			second := c.acquires("k", "b", far)
			if second.Epoch <= first.Epoch {
				c.Fatalf("the second lease has epoch %d, the first had %d", second.Epoch, first.Epoch)
			}
			c.gets(driver.Fenced, fenced(first.Epoch, set("k", 1, 0)))
			c.lost(first)
			c.releases(first)
			c.refused("k", "c", second)
			c.renews(second, far)
		},
	},
	{
		Name:  "lease/expires-by-itself",
		Rule:  "A lease ends at its end time, whether or not anybody has looked at it before.",
		needs: leasing,
		waits: true,
		run: func(c *client) {
			c.acquires("k", "a", far)
			lease := c.acquires("short", "a", time.Millisecond)
			c.letExpire()
			if next := c.acquires("short", "b", far); next.Epoch <= lease.Epoch {
				c.Fatalf("the next lease has epoch %d, the one before had %d", next.Epoch, lease.Epoch)
			}
		},
	},
	{
		Name: "lease/whole",
		Rule: "No part of a lease is cut: another owner gets one no sooner than one TTL after the first owner " +
			"asked.",
		needs: leasing,
		waits: true,
		run:   leaseWhole,
	},
	{
		Name:  "lease/renew",
		Rule:  "Renew moves the end of a lease, to earlier or later, and leaves its epoch.",
		needs: leasing,
		run: func(c *client) {
			lease := c.acquires("k", "a", far)
			for _, ttl := range []time.Duration{2 * far, far, time.Minute} {
				renewed := c.renews(lease, ttl)
				c.refused("k", "b", renewed)
			}
		},
	},
	{
		Name:  "lease/renew-after-expiry",
		Rule:  "A lease that has expired can be renewed as long as nobody has taken over.",
		needs: leasing,
		waits: true,
		run: func(c *client) {
			lease := c.acquires("k", "a", c.soon())
			c.letExpire()
			c.refused("k", "b", c.renews(lease, far))
		},
	},
	{
		Name: "lease/one-owner-an-epoch",
		Rule: "Renew is refused and changes nothing if the lease with the given epoch belongs to another " +
			"owner.",
		needs: leasing,
		run: func(c *client) {
			lease := c.acquires("k", "a", far)
			impostor := lease
			impostor.Owner = "b"
			c.lost(impostor)
			c.refused("k", "b", lease)
			c.renews(lease, 2*far)
		},
	},
	{
		Name: "lease/never-granted",
		Rule: "Renew of a lease that nobody was granted is ErrFenced and makes no lease. The epoch zero is no " +
			"exception.",
		needs: leasing,
		run: func(c *client) {
			c.put(set("unfenced", 1, 0), fenced(5, set("seen", 1, 0)))
			for _, key := range []string{"new", "unfenced", "seen"} {
				for _, epoch := range []uint64{0, 1, 6, math.MaxUint64} {
					c.lost(driver.Lease{Key: key, Owner: "a", Epoch: epoch})
				}
				c.acquires(key, "b", far)
			}
		},
	},
	{
		Name:  "lease/ends-with-its-epoch",
		Rule:  "A Rewind, or a write with a higher epoch, ends a lease: its owner cannot renew it, and another gets one at once.",
		needs: leasing,
		run: func(c *client) {
			first := c.acquires("rewound", "a", far)
			rewound := c.gets(driver.Advanced, rewind("rewound", 1, 0))
			c.lost(first)
			if next := c.acquires("rewound", "b", far); next.Epoch <= rewound.Epoch {
				c.Fatalf("the lease after a Rewind to epoch %d has epoch %d", rewound.Epoch, next.Epoch)
			}
			second := c.acquires("written", "a", far)
			c.put(fenced(second.Epoch+5, set("written", 1, 0)))
			c.lost(second)
			if next := c.acquires("written", "b", far); next.Epoch != second.Epoch+6 {
				c.Fatalf("a key that has seen epoch %d is leased with %d", second.Epoch+5, next.Epoch)
			}
		},
	},
	{
		Name:  "lease/release",
		Rule:  "After Release another owner gets a lease at once. Until then the former owner can still write, since the fence stays.",
		needs: leasing,
		run: func(c *client) {
			lease := c.acquires("k", "a", far)
			for range 2 {
				c.releases(lease)
			}
			c.put(fenced(lease.Epoch, set("k", 1, 0)))
			next := c.acquires("k", "b", far)
			if next.Epoch <= lease.Epoch {
				c.Fatalf("the lease after a Release has epoch %d, the one before had %d", next.Epoch, lease.Epoch)
			}
			c.gets(driver.Fenced, fenced(lease.Epoch, set("k", 2, 0)))
		},
	},
	{
		Name: "lease/outage",
		Rule: "If the engine fails, every method says so by an error. The error never says that another holds " +
			"the lease or has taken over.",
		needs: leasing,
		run: func(c *client) {
			lease := c.acquires("k", "a", far)
			defer c.outage()()
			c.failsInOutage("free", c.leaseAttempts(lease)...)
		},
	},
	{
		Name:  "lease/context",
		Rule:  "If its context has ended, every method fails with the context's error and changes nothing.",
		needs: leasing,
		run: func(c *client) {
			lease := c.acquires("k", "a", far)
			ctx, cancel := context.WithCancel(c.ctx)
			cancel()
			for _, a := range c.leaseAttempts(lease) {
				if err := a.run(ctx, c.driver, "free"); !errors.Is(err, context.Canceled) {
					c.Errorf("%s with a context that has ended: %v, want the context's error", a.name, err)
				}
			}
			c.refused("k", "b", lease)
			if free := c.acquires("free", "b", far); free.Epoch != 1 {
				c.Errorf("an Acquire whose context had ended raised the fence: the next lease has epoch %d", free.Epoch)
			}
		},
	},
}

// leaseWhole asks at many points within a millisecond. An engine that counts in longer
// units is asked once, for a TTL that it must round.
func leaseWhole(c *client) {
	ttl, step, rounds := 3*time.Millisecond, 50*time.Microsecond, 40
	if unit, _ := driver.UnitOf(c.driver); unit > time.Millisecond {
		ttl, step, rounds = c.uneven(), unit/100, 1
	}
	for i := range rounds {
		time.Sleep(step)
		key := fmt.Sprintf("k/%d", i)
		asked := time.Now()
		granted := c.acquires(key, "a", ttl).TTL
		for {
			_, err := c.tryAcquire(c.ctx, key, "b", far)
			if err == nil {
				break
			}
			if !errors.Is(err, driver.ErrLeaseHeld) {
				c.Fatalf("Acquire: %v", err)
			}
			time.Sleep(step)
		}
		if after := time.Since(asked); after < granted {
			c.Fatalf("a lease of %v was another's %v after it had been asked for", granted, after)
		}
	}
}
