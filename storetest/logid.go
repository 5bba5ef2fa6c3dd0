package storetest

import "github.com/checkpointstore/checkpoint/driver"

var logIDCases = []Case{
	{
		Name: "log-id/round-trip",
		Rule: "Every mode that stores a position stores its LogID with it, also if another LogID is stored.",
		run: func(c *client) {
			c.put(inLog(`a "log", {its} 日本 name`, set("k", 1, 0)))
			c.holds(inLog(`a "log", {its} 日本 name`, set("k", 1, 0)))
			for _, w := range []driver.Write{
				inLog("b", set("k", 2, 0)), inLog("c", ifNewer("k", 3, 0)), inLog("d", set("k", 1, 0)), inLog("e", ifNewer("new", 1, 0)),
			} {
				c.gets(driver.Advanced, w)
				c.holds(w)
			}
			c.gets(driver.Unchanged, inLog("f", ifNewer("k", 1, 0)))
			c.holds(inLog("f", set("k", 1, 0)))
			c.gets(driver.Advanced, inLog("g", rewind("k", 0, 0)))
			c.holds(fenced(1, inLog("g", set("k", 0, 0))))
		},
	},
	{
		Name: "log-id/stays",
		Rule: "A write without a LogID leaves the one that is stored, whatever its mode.",
		run: func(c *client) {
			c.put(inLog("a", set("k", 1, 0)), inLog("b", set("other", 1, 0)))
			c.gets(driver.Advanced, set("k", 3, 0))
			c.holds(inLog("a", set("k", 3, 0)))
			c.gets(driver.Advanced, ifNewer("k", 4, 0))
			c.gets(driver.Unchanged, ifNewer("k", 4, 0))
			c.gets(driver.Unchanged, touch("k", far))
			c.holds(expiring(far, inLog("a", set("k", 4, 0))))
			c.gets(driver.Advanced, rewind("k", 2, 0))
			c.holds(fenced(1, inLog("a", set("k", 2, 0))))
			c.holds(inLog("b", set("other", 1, 0)))
		},
	},
	{
		Name: "log-id/refused",
		Rule: "A write that is stale or fenced leaves the LogID that is stored.",
		run: func(c *client) {
			c.put(fenced(5, inLog("a", set("k", 9, 0))))
			c.gets(driver.Stale, inLog("b", ifNewer("k", 8, 0)))
			c.gets(driver.Fenced, fenced(4, inLog("b", set("k", 10, 0))))
			c.holds(fenced(5, inLog("a", set("k", 9, 0))))
		},
	},
	{
		Name: "log-id/deleted",
		Rule: "If a checkpoint is deleted, its LogID is gone, too.",
		run: func(c *client) {
			c.put(inLog("a", set("k", 1, 0)))
			c.deletes(1, "k")
			c.put(set("k", 2, 0))
			c.holds(set("k", 2, 0))
		},
	},
	{
		Name:  "log-id/expired",
		Rule:  "If a checkpoint has expired, its LogID is gone, too.",
		waits: true,
		run: func(c *client) {
			c.letExpire(expiring(c.soon(), inLog("a", set("k", 1, 0))), expiring(c.soon(), inLog("a", set("newer", 1, 0))))
			c.gets(driver.Advanced, set("k", 1, 0))
			c.holds(set("k", 1, 0))
			c.gets(driver.Advanced, ifNewer("newer", 1, 0))
			c.holds(set("newer", 1, 0))
		},
	},
	{
		Name: "log-id/listed",
		Rule: "ScanRecords yields the LogID.",
		run: func(c *client) {
			c.put(inLog("a", set("k", 1, 0)), set("without", 1, 0))
			records := c.records("*", 10)
			if records["k"].LogID != "a" || records["without"].LogID != "" {
				c.Fatalf("ScanRecords found the log identities %q and %q, want \"a\" and none", records["k"].LogID, records["without"].LogID)
			}
		},
	},
}
