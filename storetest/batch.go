package storetest

import (
	"fmt"

	"github.com/checkpointstore/checkpoint/driver"
)

var batchCases = []Case{
	{
		Name: "batch/order",
		Rule: "The results of a batch stand in the order of its writes, whatever their keys and outcomes.",
		run: func(c *client) {
			c.put(set("z", 5, 0), fenced(5, set("a", 5, 0)), set("m", 5, 0))
			c.answers(
				answer{ifNewer("z", 4, 0), driver.Stale},
				answer{fenced(4, set("a", 9, 0)), driver.Fenced},
				answer{ifNewer("new", 1, 0), driver.Advanced},
				answer{ifNewer("m", 5, 0), driver.Unchanged},
				answer{touch("none", far), driver.Failed},
				answer{ifNewer("b", 1, 0), driver.Advanced},
				answer{touch("z", far), driver.Unchanged},
				answer{rewind("m", 1, 0), driver.Advanced},
			)
			c.holds(expiring(far, set("z", 5, 0)))
			c.holds(fenced(5, set("a", 5, 0)))
			c.holds(fenced(1, set("m", 1, 0)))
		},
	},
	{
		Name: "batch/same-key",
		Rule: "Writes to the same key in one batch are applied in the order in which they stand.",
		run: func(c *client) {
			c.answers(
				answer{ifNewer("k", 5, 0), driver.Advanced},
				answer{ifNewer("k", 3, 0), driver.Stale},
				answer{set("other", 1, 0), driver.Advanced},
				answer{ifNewer("k", 5, 0), driver.Unchanged},
				answer{set("k", 1, 0), driver.Advanced},
				answer{ifNewer("k", 2, 0), driver.Advanced},
				answer{fenced(4, ifNewer("k", 2, 0)), driver.Unchanged},
				answer{fenced(3, set("k", 100, 0)), driver.Fenced},
				answer{rewind("k", 1, 0), driver.Advanced},
				answer{fenced(4, ifNewer("k", 9, 0)), driver.Fenced},
				answer{fenced(5, ifNewer("k", 8, 0)), driver.Advanced},
				answer{touch("k", far), driver.Unchanged},
				answer{at(evening, fenced(5, ifNewer("k", 8, 0))), driver.Unchanged},
				answer{ifNewer("other", 0, 0), driver.Stale},
			)
			c.holds(at(evening, fenced(5, set("k", 8, 0))))
			var writes []driver.Write
			for i := range uint64(100) {
				writes = append(writes, set("last", 1000-i, i))
			}
			c.put(writes...)
			c.holds(writes[len(writes)-1])
		},
	},
	{
		Name: "batch/one-fails",
		Rule: "A write that fails or is refused does not keep later writes from being applied.",
		run: func(c *client) {
			c.put(fenced(5, set("k", 5, 0)))
			c.answers(
				answer{touch("none", far), driver.Failed},
				answer{set("a", 1, 0), driver.Advanced},
				answer{fenced(1, set("k", 9, 0)), driver.Fenced},
				answer{set("b", 1, 0), driver.Advanced},
				answer{ifNewer("k", 1, 0), driver.Stale},
				answer{set("c", 1, 0), driver.Advanced},
			)
			c.lists("*", 10, "a", "b", "c", "k")
		},
	},
	{
		Name: "batch/thousands",
		Rule: "Write, Get and Delete take thousands of keys at once, and do them all.",
		run:  thousands,
	},
}

// An answer is a write and the outcome that it must have.
type answer struct {
	write driver.Write
	want  driver.Outcome
}

func (c *client) answers(batch ...answer) {
	c.Helper()
	var writes []driver.Write
	for _, a := range batch {
		writes = append(writes, a.write)
	}
	for i, r := range c.results(writes...) {
		if r.Outcome != batch[i].want {
			c.Fatalf("result %d, of %s: %s, want %s",
				i, describe(writes[i]), outcome(r), outcome(driver.Result{Outcome: batch[i].want}))
		}
	}
}

func thousands(c *client) {
	const n = 3000
	var writes []driver.Write
	var keys []string
	for i := range uint64(n) {
		key := fmt.Sprintf("k/%d", i)
		keys = append(keys, key)
		writes = append(writes, ifNewer(key, i, i+1))
	}
	c.put(writes...)
	for i, r := range c.read(keys...) {
		c.matches(r, writes[i])
	}
	c.deletes(n-1, keys[1:]...)
	c.lists("*", 100, keys[0])
}
