package storetest

import (
	"fmt"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
)

var updatedAtCases = []Case{
	{
		Name: "updated-at/round-trip",
		Rule: "UpdatedAt comes back to the millisecond and in UTC, from year 1 to year 9999.",
		run:  updatedAtRoundTrip,
	},
	{
		Name: "updated-at/follows-the-write",
		Rule: "Every mode that stores a position stores its UpdatedAt with it, also if the stored UpdatedAt " +
			"is later.",
		run: func(c *client) {
			c.put(at(evening, set("k", 1, 0)))
			for _, w := range []driver.Write{
				at(morning, set("k", 2, 0)),
				at(evening, ifNewer("k", 3, 0)),
				at(morning, ifNewer("k", 4, 0)),
			} {
				c.gets(driver.Advanced, w)
				c.holds(w)
			}
			c.gets(driver.Advanced, at(evening, rewind("k", 1, 0)))
			c.holds(fenced(1, at(evening, set("k", 1, 0))))
		},
	},
	{
		Name: "updated-at/equal-refreshes",
		Rule: "IfNewer with an equal position refreshes UpdatedAt.",
		run: func(c *client) {
			c.put(at(morning, set("k", 4, 5)))
			c.gets(driver.Unchanged, at(evening, ifNewer("k", 4, 5)))
			c.holds(at(evening, set("k", 4, 5)))
		},
	},
}

func updatedAtRoundTrip(c *client) {
	times := []time.Time{
		morning,
		evening,
		time.UnixMilli(0).UTC(),
		time.UnixMilli(1).UTC(),
		time.UnixMilli(-1).UTC(),
		time.Date(1, 1, 1, 0, 0, 0, 1e6, time.UTC),
		time.Date(1, 12, 31, 23, 59, 59, 999e6, time.UTC),
		time.Date(1582, 10, 10, 12, 0, 0, 0, time.UTC),
		time.Date(1969, 12, 31, 23, 59, 59, 999e6, time.UTC),
		time.Date(2000, 2, 29, 0, 0, 0, 10e6, time.UTC),
		time.Date(2016, 12, 31, 23, 59, 59, 100e6, time.UTC),
		time.Date(2038, 1, 19, 3, 14, 8, 0, time.UTC),
		time.Date(2262, 4, 11, 23, 47, 16, 855e6, time.UTC),
		time.Date(9999, 12, 31, 23, 59, 59, 999e6, time.UTC),
	}
	var writes []driver.Write
	for i, t := range times {
		writes = append(writes, at(t, set(fmt.Sprintf("time/%d", i), 1, 1)))
	}
	c.put(writes...)
	for _, w := range writes {
		c.holds(w)
	}
}
