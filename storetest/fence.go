package storetest

import (
	"math"

	"github.com/checkpointstore/checkpoint/driver"
)

var fenceCases = []Case{
	{
		Name: "fence/refuses-lower",
		Rule: "A write of any mode with epoch < fence is Fenced, reports the fence, and changes nothing.",
		run: func(c *client) {
			c.put(fenced(5, expiring(far, set("k", 10, 10))))
			before := c.one("k")
			c.refusesBelow(5, "k")
			c.unchanged(before)
		},
	},
	{
		Name: "fence/admits-equal-and-higher",
		Rule: "A write with epoch >= fence is applied and stored with its epoch. Then fence == epoch.",
		run: func(c *client) {
			for _, w := range []driver.Write{
				fenced(5, set("k", 10, 0)),
				fenced(5, ifNewer("k", 11, 0)),
				fenced(6, ifNewer("k", 12, 0)),
				fenced(6, set("k", 3, 0)),
				fenced(9, set("k", 4, 0)),
			} {
				c.gets(driver.Advanced, w)
				c.holds(w)
			}
			c.refusesBelow(9, "k")
		},
	},
	{
		Name: "fence/64-bits",
		Rule: "Epochs are compared over all 64 bits.",
		run: func(c *client) {
			for _, n := range []uint64{2, 10, 1<<53 + 1, 1<<63 - 1, 1 << 63, 12345678901234567890, math.MaxUint64} {
				c.gets(driver.Advanced, fenced(n, set("k", 1, 1)))
				c.holds(fenced(n, set("k", 1, 1)))
				c.refusesBelow(n, "k")
			}
		},
	},
	{
		Name: "fence/equal-position-refreshes-epoch",
		Rule: "IfNewer with an equal position stores the epoch of the write.",
		run: func(c *client) {
			c.put(fenced(5, set("k", 1, 1)))
			c.gets(driver.Unchanged, fenced(7, ifNewer("k", 1, 1)))
			c.holds(fenced(7, set("k", 1, 1)))
			c.refusesBelow(7, "k")
		},
	},
	{
		Name: "fence/stale-write-moves-it",
		Rule: "A write that passes the fence and is then Stale still raises the fence. It leaves the stored " +
			"epoch.",
		run: func(c *client) {
			c.put(fenced(5, set("k", 10, 0)))
			c.gets(driver.Stale, fenced(8, ifNewer("k", 9, 0)))
			c.holds(fenced(5, set("k", 10, 0)))
			c.refusesBelow(8, "k")
		},
	},
	{
		Name: "fence/unfenced-write",
		Rule: "The fence does not refuse a write without an epoch. Such a write leaves a checkpoint with " +
			"epoch zero, and does not move the fence.",
		run: func(c *client) {
			for _, w := range []driver.Write{set("k", 5, 0), ifNewer("k", 6, 0)} {
				c.put(fenced(5, set("k", 3, 0)))
				c.gets(driver.Advanced, w)
				c.holds(w)
				c.refusesBelow(5, "k")
			}
			c.put(fenced(5, set("k", 3, 0)))
			c.gets(driver.Unchanged, ifNewer("k", 3, 0))
			c.holds(set("k", 3, 0))
			c.refusesBelow(5, "k")
			c.gets(driver.Advanced, fenced(5, ifNewer("k", 4, 0)))
		},
	},
	{
		Name: "fence/without-checkpoint",
		Rule: "The first write with an epoch makes the fence. A write without an epoch makes none.",
		run: func(c *client) {
			c.put(set("k", 1, 0))
			c.gets(driver.Advanced, fenced(1, ifNewer("k", 2, 0)))
			c.gets(driver.Advanced, fenced(4, ifNewer("new", 1, 0)))
			c.refusesBelow(4, "new")
		},
	},
	{
		Name: "fence/of-its-key-alone",
		Rule: "Each key has a fence of its own.",
		run: func(c *client) {
			c.put(fenced(9, set("k", 1, 0)))
			for _, key := range []string{"k2", "K", "k/", "k:fence", "fence:k", "{k}"} {
				c.gets(driver.Advanced, fenced(1, set(key, 1, 0)))
			}
			c.refusesBelow(9, "k")
		},
	},
	{
		Name: "fence/outlives-delete",
		Rule: "The fence stays when the checkpoint is deleted.",
		run: func(c *client) {
			c.put(fenced(5, set("k", 10, 0)))
			c.deletes(1, "k")
			c.refusesBelow(5, "k")
			c.missing("k")
			c.gets(driver.Advanced, fenced(5, ifNewer("k", 1, 0)))
			c.deletes(1, "k")
			c.put(set("k", 2, 0))
			c.refusesBelow(5, "k")
		},
	},
	{
		Name:  "fence/outlives-expiry",
		Rule:  "The fence stays when the checkpoint expires.",
		waits: true,
		run: func(c *client) {
			c.put(fenced(5, expiring(c.soon(), set("k", 10, 0))))
			c.gone("k")
			c.refusesBelow(5, "k")
			c.missing("k")
			c.gets(driver.Advanced, fenced(5, ifNewer("k", 1, 0)))
		},
	},
	{
		Name: "fence/outlives-damage",
		Rule: "The fence is kept apart from the checkpoint: it holds while the checkpoint is damaged, and " +
			"while it is repaired.",
		run: func(c *client) {
			c.put(fenced(5, set("k", 10, 0)))
			c.damage("k", driver.ErrCorruptCheckpoint)
			c.refusesBelow(5, "k")
			c.damaged("k")
			c.put(set("k", 1, 0))
			c.refusesBelow(5, "k")
		},
	},
	{
		Name: "fence/failed-write-leaves-it",
		Rule: "If a write fails because the checkpoint is damaged or missing, the fence stays as it was.",
		run: func(c *client) {
			c.put(fenced(5, set("k", 10, 0)))
			c.damage("k", driver.ErrCorruptCheckpoint)
			c.fails(driver.ErrCorruptCheckpoint, fenced(9, ifNewer("k", 20, 0)))
			c.fails(driver.ErrCorruptCheckpoint, fenced(9, touch("k", far)))
			c.gets(driver.Advanced, fenced(5, set("k", 11, 0)))

			c.deletes(1, "k")
			c.fails(driver.ErrNotFound, fenced(9, touch("k", far)))
			c.gets(driver.Advanced, fenced(5, set("k", 12, 0)))
			c.fails(driver.ErrNotFound, fenced(9, touch("new", far)))
			c.gets(driver.Advanced, fenced(1, set("new", 1, 0)))
		},
	},
}

// refusesBelow checks that the fence of key is at n, for n > 1. It sends writes
// that the fence must refuse.
func (c *client) refusesBelow(n uint64, key string) {
	c.Helper()
	below := []driver.Write{
		set(key, math.MaxUint64, 0),
		ifNewer(key, math.MaxUint64, 0),
		ifNewer(key, 0, 0),
		rewind(key, math.MaxUint64, 0),
		touch(key, 5*far),
	}
	for _, w := range below {
		if r := c.gets(driver.Fenced, at(evening, fenced(n-1, w))); r.Epoch != n {
			c.Fatalf("%s: Fenced says that the fence is at %d, want %d", describe(w), r.Epoch, n)
		}
	}
	c.gets(driver.Fenced, at(evening, fenced(1, set(key, math.MaxUint64, 0))))
}
