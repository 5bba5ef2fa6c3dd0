package storetest

import "github.com/checkpointstore/checkpoint/driver"

var getCases = []Case{
	{
		Name: "get/missing",
		Rule: "A key that has no checkpoint is ErrNotFound, both in an empty store and in a full one.",
		run: func(c *client) {
			c.missing("k")
			c.put(set("k1", 1, 0), set("kk", 1, 0))
			c.missing("k")
		},
	},
	{
		Name: "get/many",
		Rule: "Get answers each key with one record, in the order of the keys. A key that is given twice gets " +
			"two records.",
		run: func(c *client) {
			c.put(set("a", 1, 0), fenced(2, expiring(far, set("b", 2, 0))), set("c", 3, 0))
			records := c.read("c", "none", "a", "b", "a", "c", "none")
			for i, want := range map[int]driver.Write{
				0: set("c", 3, 0), 2: set("a", 1, 0), 3: fenced(2, expiring(far, set("b", 2, 0))),
				4: set("a", 1, 0), 5: set("c", 3, 0),
			} {
				c.matches(records[i], want)
			}
			for _, i := range []int{1, 6} {
				c.isOnly(driver.ErrNotFound, records[i].Err, "Get of a missing key among others")
			}
		},
	},
	{
		Name: "get/none",
		Rule: "Get, Write and Delete of nothing do nothing, without an error.",
		run: func(c *client) {
			c.put(set("a", 1, 0))
			c.read()
			c.results()
			c.deletes(0)
			c.lists("*", 10, "a")
		},
	},
}
