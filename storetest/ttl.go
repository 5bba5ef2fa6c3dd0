package storetest

import (
	"time"

	"github.com/checkpointstore/checkpoint/driver"
)

// far is a TTL that outlasts every case.
const far = time.Hour

// soon is a TTL to wait for. No case may depend on finishing something before it
// ends.
func (c *client) soon() time.Duration { return driver.RoundTTL(c.driver, 40*time.Millisecond) }

// uneven is a TTL to wait for that an engine with a unit must round up.
func (c *client) uneven() time.Duration {
	unit, _ := driver.UnitOf(c.driver)
	return c.soon() + unit - time.Millisecond
}

var ttlCases = []Case{
	{
		Name: "ttl/told",
		Rule: "ExpiresAt tells when the checkpoint expires: one TTL from now, in UTC. It is zero if the " +
			"checkpoint never expires.",
		run: func(c *client) {
			c.put(set("never", 1, 0), expiring(far, set("hour", 1, 0)), expiring(30*24*far, set("month", 1, 0)))
			c.holds(set("never", 1, 0))
			c.expires(far, "hour")
			c.expires(30*24*far, "month")
		},
	},
	{
		Name: "ttl/milliseconds",
		Rule: "A TTL counts to the millisecond, or to the engine's unit: it is neither cut nor rounded to whole " +
			"seconds.",
		run: ttlMilliseconds,
	},
	{
		Name: "ttl/centuries",
		Rule: "A TTL of centuries neither overflows nor expires at once.",
		run: func(c *client) {
			const centuries = 290 * 365 * 24 * time.Hour
			c.put(expiring(centuries, set("k", 1, 0)))
			c.expires(centuries, "k")
			c.gets(driver.Unchanged, expiring(centuries, ifNewer("k", 1, 0)))
			c.gets(driver.Unchanged, touch("k", centuries))
			c.expires(centuries, "k")
		},
	},
	{
		Name: "ttl/set-by-every-mode",
		Rule: "Every mode sets the expiry that its TTL gives, sooner or later than the expiry that was there.",
		run: func(c *client) {
			for _, w := range []driver.Write{
				expiring(9*far, set("k", 1, 0)),
				expiring(2*far, ifNewer("k", 2, 0)),
				expiring(8*far, rewind("k", 1, 0)),
				expiring(3*far, set("k", 1, 0)),
			} {
				c.gets(driver.Advanced, w)
				c.expires(w.TTL, "k")
			}
			c.put(set("k", 1, 0), expiring(4*far, ifNewer("k", 2, 0)))
			c.expires(4*far, "k")
			c.put(expiring(5*far, ifNewer("new", 1, 0)))
			c.expires(5*far, "new")
		},
	},
	{
		Name: "ttl/equal-refreshes",
		Rule: "IfNewer with an equal position sets the expiry anew. So the checkpoint of an idle consumer " +
			"stays.",
		run: func(c *client) {
			c.put(expiring(far, set("k", 1, 0)))
			c.gets(driver.Unchanged, expiring(3*far, ifNewer("k", 1, 0)))
			c.expires(3*far, "k")
			c.gets(driver.Unchanged, expiring(2*far, ifNewer("k", 1, 0)))
			c.expires(2*far, "k")
		},
	},
	{
		Name: "ttl/none-clears",
		Rule: "A write without a TTL clears the expiry that was there.",
		run: func(c *client) {
			for _, w := range clearing("k") {
				c.put(expiring(far, set("k", 1, 0)))
				c.results(w)
				if r := c.one("k"); !r.ExpiresAt.IsZero() {
					c.Fatalf("%s left the expiry %v", describe(w), r.ExpiresAt)
				}
			}
		},
	},
}

// clearing returns the writes that clear the expiry of a checkpoint at 1/0.
func clearing(key string) []driver.Write {
	return []driver.Write{
		set(key, 1, 0), ifNewer(key, 1, 0), ifNewer(key, 2, 0), rewind(key, 1, 0), touch(key, 0),
	}
}

// expires checks that key expires about ttl from now. The engine's clock may be
// some minutes from ours.
func (c *client) expires(ttl time.Duration, key string) {
	c.Helper()
	r := c.one(key)
	if r.ExpiresAt.IsZero() {
		c.Fatalf("%q never expires, want it to in %v", key, ttl)
	}
	if r.ExpiresAt.Location() != time.UTC {
		c.Fatalf("%q expires at %v, want that in UTC", key, r.ExpiresAt)
	}
	if left := time.Until(r.ExpiresAt); (left - ttl).Abs() > 10*time.Minute {
		c.Fatalf("%q expires in %v, want it to in %v", key, left, ttl)
	}
}

// ttlMilliseconds looks at the distance between two expiries of one batch. The
// time between the two writes distorts it, so the case tries until this time is
// short.
func ttlMilliseconds(c *client) {
	apart := driver.RoundTTL(c.driver, 700*time.Millisecond)
	var got time.Duration
	for range 50 {
		c.put(expiring(far, set("a", 1, 0)), expiring(far+apart, set("b", 1, 0)))
		records := c.read("a", "b")
		got = records[1].ExpiresAt.Sub(records[0].ExpiresAt)
		if (got - apart).Abs() <= 100*time.Millisecond {
			return
		}
	}
	c.Fatalf("a TTL of %v and one of %v expire %v apart, want %v", far, far+apart, got, apart)
}
