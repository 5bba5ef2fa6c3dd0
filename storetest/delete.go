package storetest

import (
	"fmt"

	"github.com/checkpointstore/checkpoint/driver"
)

var deleteCases = []Case{
	{
		Name: "delete/removes",
		Rule: "Delete removes the given checkpoints and nothing else, and reports how many there were.",
		run: func(c *client) {
			c.put(set("a", 1, 0), expiring(far, set("b", 1, 0)), fenced(2, set("c", 1, 0)), set("d", 1, 0))
			c.deletes(3, "a", "b", "c")
			for _, key := range []string{"a", "b", "c"} {
				c.missing(key)
			}
			c.holds(set("d", 1, 0))
			c.lists("*", 10, "d")
		},
	},
	{
		Name: "delete/missing",
		Rule: "For Delete a missing key is no error. Delete does not count it.",
		run: func(c *client) {
			c.deletes(0, "none")
			c.put(set("a", 1, 0))
			c.deletes(1, "none", "a", "neither")
			c.deletes(0, "a")
			c.deletes(0, "a", "none")
		},
	},
	{
		Name: "delete/twice-in-one-call",
		Rule: "If one Delete gets a key twice, it counts the key once.",
		run: func(c *client) {
			c.put(set("a", 1, 0), set("b", 1, 0))
			c.deletes(2, "a", "b", "a", "a")
		},
	},
	{
		Name: "delete/then-write",
		Rule: "After Delete the key is like new: IfNewer stores any position, without the old expiry and " +
			"epoch.",
		run: func(c *client) {
			c.put(fenced(3, expiring(far, set("k", 10, 0))))
			c.deletes(1, "k")
			c.gets(driver.Advanced, ifNewer("k", 1, 0))
			c.holds(ifNewer("k", 1, 0))
		},
	},
}

// deletes checks how many checkpoints a Delete of keys reports.
func (c *client) deletes(want int, keys ...string) {
	c.Helper()
	n, err := c.driver.Delete(c.ctx, keys)
	if err == nil && n == want {
		return
	}
	what := fmt.Sprintf("Delete of %d keys", len(keys))
	if len(keys) <= 5 {
		what = fmt.Sprintf("Delete of %q", keys)
	}
	c.Fatalf("%s reports %d and error %v, want %d", what, n, err, want)
}
