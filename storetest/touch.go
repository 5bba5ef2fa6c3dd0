package storetest

import "github.com/checkpointstore/checkpoint/driver"

var touchCases = []Case{
	{
		Name: "touch/expiry-alone",
		Rule: "Touch sets the expiry and leaves position, updatedAt and epoch; its outcome is Unchanged.",
		run: func(c *client) {
			for _, w := range []driver.Write{set("plain", 3, 4), fenced(6, set("fenced", 3, 4))} {
				c.put(w)
				c.gets(driver.Unchanged, at(evening, touch(w.Key, 2*far)))
				c.holds(expiring(2*far, w))
				c.expires(2*far, w.Key)
				c.gets(driver.Unchanged, touch(w.Key, far))
				c.expires(far, w.Key)
			}
		},
	},
	{
		Name: "touch/zero",
		Rule: "Touch with a TTL of zero clears the expiry and leaves everything else.",
		run: func(c *client) {
			c.put(fenced(6, expiring(far, set("k", 3, 4))))
			c.gets(driver.Unchanged, touch("k", 0))
			c.holds(fenced(6, set("k", 3, 4)))
		},
	},
	{
		Name: "touch/missing",
		Rule: "Touch of a missing key is ErrNotFound and creates nothing.",
		run: func(c *client) {
			c.fails(driver.ErrNotFound, touch("k", far))
			c.fails(driver.ErrNotFound, touch("k", 0))
			c.missing("k")
			c.lists("*", 10)
			c.gets(driver.Advanced, ifNewer("k", 0, 0))
		},
	},
	{
		Name: "touch/fence",
		Rule: "Touch with an epoch raises the fence and leaves the stored epoch. Touch without an epoch does " +
			"not move the fence.",
		run: func(c *client) {
			c.put(fenced(5, set("k", 3, 4)))
			c.gets(driver.Unchanged, touch("k", far))
			c.refusesBelow(5, "k")
			c.gets(driver.Unchanged, fenced(5, touch("k", far)))
			c.gets(driver.Unchanged, fenced(8, touch("k", far)))
			c.holds(expiring(far, fenced(5, set("k", 3, 4))))
			c.refusesBelow(8, "k")
			c.gets(driver.Advanced, fenced(8, ifNewer("k", 4, 0)))
		},
	},
}
