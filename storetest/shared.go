package storetest

import (
	"fmt"

	"github.com/checkpointstore/checkpoint/driver"
)

var sharedCases = []Case{
	{
		Name: "shared/seen-at-once",
		Rule: "If one driver writes or deletes, another driver over the same data sees it at once, in every " +
			"method.",
		run: func(c *client) {
			other := c.another()
			other.missing("k")
			for i := range uint64(10) {
				writer, reader := c, other
				if i%2 == 1 {
					writer, reader = other, c
				}
				w := fenced(i+1, expiring(far, set("k", 10-i, i)))
				writer.put(w)
				reader.holds(w)
				reader.lists("*", 10, "k")
				if records := reader.records("*", 10); !same(records["k"], writer.one("k")) {
					c.Fatalf("ScanRecords of the other driver found %s", show(records["k"]))
				}
				reader.gets(driver.Stale, ifNewer("k", 9-i, 0))
			}
			other.deletes(1, "k")
			c.missing("k")
			c.lists("*", 10)
			c.gets(driver.Advanced, ifNewer("k", 0, 0))
			other.holds(ifNewer("k", 0, 0))
		},
	},
	{
		Name: "shared/fence",
		Rule: "A fence that one driver raises holds for every other over the same data.",
		run: func(c *client) {
			other := c.another()
			c.put(fenced(5, set("k", 1, 0)))
			other.refusesBelow(5, "k")
			other.rewinds(6, rewind("k", 1, 0))
			c.refusesBelow(6, "k")
			c.deletes(1, "k")
			other.refusesBelow(6, "k")
			c.another().refusesBelow(6, "k")
		},
	},
	{
		Name: "shared/damage",
		Rule: "Damage is seen, and repaired, by every driver over the same data.",
		run: func(c *client) {
			other := c.another()
			c.put(set("k", 1, 0))
			other.holds(set("k", 1, 0))
			c.damage("k", driver.ErrCorruptCheckpoint)
			other.damaged("k")
			other.put(set("k", 2, 0))
			c.holds(set("k", 2, 0))
		},
	},
	{
		Name: "shared/maximum",
		Rule: "If many goroutines write one key with IfNewer through several drivers, the highest position " +
			"remains.",
		run: func(c *client) { concurrentMaximum(c, c.another(), c.another()) },
	},
	{
		Name: "shared/close",
		Rule: "If one driver is closed, its writes stay, and every other driver over the same data still " +
			"works.",
		run: func(c *client) {
			for i := range uint64(3) {
				other := c.another()
				w := set(fmt.Sprintf("k/%d", i), i, 0)
				other.put(w)
				if err := other.driver.Close(); err != nil {
					c.Fatalf("Close: %v", err)
				}
				c.holds(w)
				c.gets(driver.Unchanged, ifNewer(w.Key, i, 0))
				c.another().holds(w)
			}
		},
	},
}
