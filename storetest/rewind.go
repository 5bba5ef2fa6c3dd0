package storetest

import (
	"math"

	"github.com/checkpointstore/checkpoint/driver"
)

var rewindCases = []Case{
	{
		Name: "rewind/any-position",
		Rule: "Rewind stores any position, older, newer or equal, whether or not a checkpoint is stored. Its " +
			"outcome is Advanced.",
		run: func(c *client) {
			for i, p := range []uint64{10, 3, 3, 99, 0} {
				epoch := uint64(i) + 1
				c.rewinds(epoch, at(evening, rewind("k", p, 1)))
				c.holds(fenced(epoch, at(evening, set("k", p, 1))))
			}
		},
	},
	{
		Name: "rewind/raises-by-one",
		Rule: "Rewind raises the fence by exactly one, writes with epoch == the new fence, and reports this " +
			"epoch.",
		run: func(c *client) {
			c.put(fenced(41, set("k", 10, 0)))
			c.rewinds(42, rewind("k", 5, 0))
			c.holds(fenced(42, set("k", 5, 0)))
			c.refusesBelow(42, "k")
			c.gets(driver.Advanced, fenced(42, ifNewer("k", 6, 0)))
		},
	},
	{
		Name: "rewind/from-the-fence",
		Rule: "Rewind counts from the highest epoch that the key has ever seen, and not from the stored epoch.",
		run: func(c *client) {
			c.put(fenced(5, set("k", 10, 0)))
			c.gets(driver.Stale, fenced(8, ifNewer("k", 9, 0)))
			c.put(set("k", 11, 0))
			c.rewinds(9, rewind("k", 1, 0))
			c.deletes(1, "k")
			c.rewinds(10, rewind("k", 1, 0))
		},
	},
	{
		Name: "rewind/with-epoch",
		Rule: "Rewind with epoch < fence is Fenced. Otherwise a Rewind with an epoch sets the fence to " +
			"epoch+1.",
		run: func(c *client) {
			c.put(fenced(5, set("k", 10, 0)))
			before := c.one("k")
			if r := c.gets(driver.Fenced, fenced(4, rewind("k", 1, 0))); r.Epoch != 5 {
				c.Fatalf("Fenced says that the fence is at %d, want 5", r.Epoch)
			}
			c.unchanged(before)
			c.rewinds(6, fenced(5, rewind("k", 2, 0)))
			c.rewinds(21, fenced(20, rewind("k", 3, 0)))
			c.holds(fenced(21, set("k", 3, 0)))
			c.refusesBelow(21, "k")
		},
	},
	{
		Name: "rewind/exhausted",
		Rule: "At the highest epoch there is, Rewind fails with ErrEpochExhausted and changes nothing.",
		run: func(c *client) {
			c.put(fenced(math.MaxUint64, expiring(far, set("k", 10, 0))))
			before := c.one("k")
			c.fails(driver.ErrEpochExhausted, rewind("k", 1, 0))
			c.fails(driver.ErrEpochExhausted, fenced(math.MaxUint64, rewind("k", 1, 0)))
			c.unchanged(before)
			c.gets(driver.Advanced, fenced(math.MaxUint64, ifNewer("k", 11, 0)))

			c.put(fenced(7, set("other", 10, 0)))
			c.fails(driver.ErrEpochExhausted, fenced(math.MaxUint64, rewind("other", 1, 0)))
			c.holds(fenced(7, set("other", 10, 0)))
			c.gets(driver.Advanced, fenced(7, ifNewer("other", 11, 0)))
			c.rewinds(8, rewind("other", 1, 0))
		},
	},
	{
		Name: "rewind/to-the-highest",
		Rule: "Rewind can raise the fence to the highest epoch there is.",
		run: func(c *client) {
			c.put(fenced(math.MaxUint64-1, set("k", 10, 0)))
			c.rewinds(math.MaxUint64, rewind("k", 1, 0))
			c.holds(fenced(math.MaxUint64, set("k", 1, 0)))
		},
	},
}

// rewinds sends a Rewind. Afterwards the fence must be at epoch.
func (c *client) rewinds(epoch uint64, w driver.Write) {
	c.Helper()
	if r := c.gets(driver.Advanced, w); r.Epoch != epoch {
		c.Fatalf("%s: reports epoch %d, want %d", describe(w), r.Epoch, epoch)
	}
}
