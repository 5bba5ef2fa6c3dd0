package storetest

import "github.com/checkpointstore/checkpoint/driver"

var damagedFenceCases = []Case{
	{
		Name: "damaged-fence/refuses-epochs",
		Rule: "Over a damaged fence every write with an epoch, and Rewind, fails with ErrCorruptFence and changes nothing.",
		run: func(c *client) {
			c.put(fenced(5, expiring(far, set("k", 10, 0))))
			before := c.one("k")
			c.damage("k", driver.ErrCorruptFence)
			for _, w := range []driver.Write{
				fenced(5, set("k", 11, 0)), fenced(5, ifNewer("k", 11, 0)), fenced(5, ifNewer("k", 9, 0)),
				fenced(5, touch("k", 2*far)), fenced(5, rewind("k", 1, 0)), rewind("k", 1, 0),
				fenced(1, set("k", 11, 0)), fenced(1<<63, set("k", 11, 0)),
			} {
				c.fails(driver.ErrCorruptFence, at(evening, w))
				c.unchanged(before)
			}
		},
	},
	{
		Name: "damaged-fence/without-an-epoch",
		Rule: "Over a damaged fence, writes without an epoch, Get and Delete work as ever. They do not repair " +
			"the fence.",
		run: func(c *client) {
			c.put(fenced(5, set("k", 10, 0)))
			c.damage("k", driver.ErrCorruptFence)
			c.holds(fenced(5, set("k", 10, 0)))
			c.gets(driver.Advanced, ifNewer("k", 11, 0))
			c.gets(driver.Unchanged, touch("k", far))
			c.gets(driver.Advanced, set("k", 3, 0))
			c.holds(set("k", 3, 0))
			c.lists("*", 10, "k")
			c.deletes(1, "k")
			c.fails(driver.ErrCorruptFence, fenced(9, set("k", 1, 0)))
		},
	},
	{
		Name: "damaged-fence/of-its-key-alone",
		Rule: "A damaged fence fails the writes of its own key alone, also within a batch.",
		run: func(c *client) {
			c.put(fenced(5, set("a", 1, 0)), fenced(5, set("b", 1, 0)), fenced(5, set("c", 1, 0)))
			c.damage("b", driver.ErrCorruptFence)
			c.answers(
				answer{fenced(5, ifNewer("a", 2, 0)), driver.Advanced},
				answer{fenced(5, ifNewer("b", 2, 0)), driver.Failed},
				answer{ifNewer("b", 3, 0), driver.Advanced},
				answer{fenced(4, ifNewer("c", 2, 0)), driver.Fenced},
			)
		},
	},
	{
		Name:  "damaged-fence/leases",
		Rule:  "Over a damaged fence nobody gets a lease and nobody renews one: the error is ErrCorruptFence. Release works.",
		needs: leasing,
		run: func(c *client) {
			lease := c.acquires("k", "a", far)
			c.damage("k", driver.ErrCorruptFence)
			for _, owner := range []string{"a", "b"} {
				_, err := c.tryAcquire(c.ctx, "k", owner, far)
				c.isOnly(driver.ErrCorruptFence, err, "Acquire over a damaged fence")
			}
			_, err := c.tryRenew(c.ctx, lease, far)
			c.isOnly(driver.ErrCorruptFence, err, "Renew over a damaged fence")
			c.releases(lease)
			_, err = c.tryAcquire(c.ctx, "k", "b", far)
			c.isOnly(driver.ErrCorruptFence, err, "Acquire over a damaged fence after Release")
		},
	},
}
