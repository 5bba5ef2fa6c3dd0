package storetest

import "github.com/checkpointstore/checkpoint/driver"

var damageCases = []Case{
	{
		Name: "damage/get",
		Rule: "A damaged checkpoint is ErrCorrupt, never ErrNotFound and never a position. Get still reads " +
			"the checkpoints beside it.",
		run: func(c *client) {
			c.put(set("a", 1, 0), set("b", 2, 0), set("c", 3, 0))
			c.damage("b", driver.ErrCorruptCheckpoint)
			c.damaged("b")
			records := c.read("a", "b", "c", "none", "b")
			c.matches(records[0], set("a", 1, 0))
			c.isOnly(driver.ErrCorruptCheckpoint, records[1].Err, "Get of the damaged key among others")
			c.matches(records[2], set("c", 3, 0))
			c.isOnly(driver.ErrNotFound, records[3].Err, "Get of the missing key beside a damaged one")
			c.isOnly(driver.ErrCorruptCheckpoint, records[4].Err, "Get of the damaged key a second time")
		},
	},
	{
		Name: "damage/if-newer",
		Rule: "IfNewer does not compare with a damaged checkpoint: it fails with ErrCorrupt, and leaves the " +
			"checkpoint damaged.",
		run: func(c *client) {
			c.put(set("k", 10, 0))
			c.damage("k", driver.ErrCorruptCheckpoint)
			for _, w := range []driver.Write{
				ifNewer("k", 9, 0), ifNewer("k", 10, 0), ifNewer("k", 11, 0), expiring(far, ifNewer("k", 1<<63, 0)),
			} {
				c.fails(driver.ErrCorruptCheckpoint, w)
				c.damaged("k")
			}
		},
	},
	{
		Name: "damage/touch",
		Rule: "Touch fails with ErrCorrupt on a damaged checkpoint, and leaves it damaged.",
		run: func(c *client) {
			c.put(set("k", 10, 0))
			c.damage("k", driver.ErrCorruptCheckpoint)
			c.fails(driver.ErrCorruptCheckpoint, touch("k", far))
			c.fails(driver.ErrCorruptCheckpoint, touch("k", 0))
			c.damaged("k")
		},
	},
	{
		Name: "damage/set-repairs",
		Rule: "Set repairs a damaged checkpoint.",
		run: func(c *client) {
			for _, w := range []driver.Write{set("k", 1, 0), fenced(3, expiring(far, set("k", 20, 0)))} {
				c.put(set("k", 10, 0))
				c.damage("k", driver.ErrCorruptCheckpoint)
				c.gets(driver.Advanced, w)
				c.holds(w)
			}
			c.gets(driver.Advanced, ifNewer("k", 21, 0))
		},
	},
	{
		Name: "damage/rewind-repairs",
		Rule: "Rewind repairs a damaged checkpoint, and raises the fence as always.",
		run: func(c *client) {
			c.put(fenced(3, set("k", 10, 0)))
			c.damage("k", driver.ErrCorruptCheckpoint)
			c.rewinds(4, rewind("k", 1, 0))
			c.holds(fenced(4, set("k", 1, 0)))
		},
	},
	{
		Name: "damage/delete-repairs",
		Rule: "Delete removes a damaged checkpoint and counts it.",
		run: func(c *client) {
			c.put(set("k", 10, 0), set("sound", 1, 0))
			c.damage("k", driver.ErrCorruptCheckpoint)
			c.deletes(2, "k", "sound")
			c.missing("k")
			c.gets(driver.Advanced, ifNewer("k", 1, 0))
		},
	},
	{
		Name: "damage/batch",
		Rule: "A damaged checkpoint fails only the writes that need a sound one. Other writes of the batch, " +
			"to any key, are applied.",
		run: func(c *client) {
			c.put(set("a", 1, 0), set("b", 1, 0), set("c", 1, 0))
			c.damage("b", driver.ErrCorruptCheckpoint)
			results := c.results(
				ifNewer("a", 2, 0), ifNewer("b", 2, 0), ifNewer("c", 2, 0), set("b", 3, 0), ifNewer("b", 4, 0))
			for i, want := range []driver.Outcome{
				driver.Advanced, driver.Failed, driver.Advanced, driver.Advanced, driver.Advanced,
			} {
				if got := results[i]; got.Outcome != want {
					c.Fatalf("result %d is %s, want %s", i, outcome(got), outcome(driver.Result{Outcome: want}))
				}
			}
			c.isOnly(driver.ErrCorruptCheckpoint, results[1].Err, "IfNewer over the damaged key")
			c.holds(ifNewer("a", 2, 0))
			c.holds(ifNewer("b", 4, 0))
			c.holds(ifNewer("c", 2, 0))
		},
	},
	{
		Name: "damage/scan",
		Rule: "Scan lists damaged checkpoints, and ScanRecords yields them with ErrCorrupt. Neither scan " +
			"fails because of them.",
		run: func(c *client) {
			c.put(set("a", 1, 0), set("b", 2, 0), set("c", 3, 0))
			c.damage("b", driver.ErrCorruptCheckpoint)
			for _, size := range []int{1, 2, 10} {
				c.lists("*", size, "a", "b", "c")
				records := c.records("*", size)
				if len(records) != 3 {
					c.Fatalf("ScanRecords by %d found %d records, want 3", size, len(records))
				}
				c.matches(records["a"], set("a", 1, 0))
				c.matches(records["c"], set("c", 3, 0))
				c.isOnly(driver.ErrCorruptCheckpoint, records["b"].Err, "the damaged record that ScanRecords finds")
			}
		},
	},
}
