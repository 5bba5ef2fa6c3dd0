package storetest

import "github.com/checkpointstore/checkpoint/driver"

var damagedLeaseCases = []Case{
	{
		Name: "damaged-lease/is-not-free",
		Rule: "Nobody can tell whether a damaged lease still holds. So Acquire by another owner is " +
			"ErrCorruptLease, and leaves the fence: the lease's owner can still write.",
		needs: leasing,
		run: func(c *client) {
			lease := c.acquires("k", "a", far)
			c.damage("k", driver.ErrCorruptLease)
			for range 2 {
				_, err := c.tryAcquire(c.ctx, "k", "b", far)
				c.isOnly(driver.ErrCorruptLease, err, "Acquire of a damaged lease")
			}
			c.put(fenced(lease.Epoch, set("k", 1, 0)))
			c.acquires("other", "b", far)
		},
	},
	{
		Name:  "damaged-lease/renewed",
		Rule:  "Renew repairs a damaged lease if the holder's epoch == fence.",
		needs: leasing,
		run: func(c *client) {
			lease := c.acquires("k", "a", far)
			c.damage("k", driver.ErrCorruptLease)
			c.refused("k", "b", c.renews(lease, 2*far))
		},
	},
}
