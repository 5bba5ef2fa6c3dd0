package storetest

import (
	"fmt"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
)

// In these cases, only the tested method sees the key after it has expired:
// some engines remove an expired key only when they meet it.
var expiryCases = []Case{
	{
		Name:  "expiry/get",
		Rule:  "A checkpoint whose TTL has passed is ErrNotFound, also if the TTL was one millisecond.",
		waits: true,
		run: func(c *client) {
			c.put(expiring(time.Millisecond, set("k", 1, 0)), set("kept", 1, 0))
			c.gone("k")
			c.holds(set("kept", 1, 0))
		},
	},
	{
		Name:  "expiry/scan",
		Rule:  "Scan does not list an expired checkpoint.",
		waits: true,
		run: func(c *client) {
			c.put(set("kept", 1, 0))
			c.letExpire(expiring(c.soon(), set("k", 1, 0)))
			c.lists("*", 10, "kept")
		},
	},
	{
		Name:  "expiry/scan-records",
		Rule:  "ScanRecords does not list an expired checkpoint.",
		waits: true,
		run: func(c *client) {
			c.put(set("kept", 1, 0))
			c.letExpire(expiring(c.soon(), set("k", 1, 0)))
			if records := c.records("*", 10); len(records) != 1 || records["kept"].Err != nil {
				c.Fatalf("ScanRecords found %v, want the one that is kept", records)
			}
		},
	},
	{
		Name:  "expiry/delete",
		Rule:  "Delete does not count an expired checkpoint.",
		waits: true,
		run: func(c *client) {
			c.put(set("kept", 1, 0))
			c.letExpire(expiring(c.soon(), set("k", 1, 0)))
			c.deletes(1, "k", "kept")
		},
	},
	{
		Name:  "expiry/touch",
		Rule:  "Touch does not find a checkpoint that has expired, and does not bring it back.",
		waits: true,
		run: func(c *client) {
			c.letExpire(expiring(c.soon(), set("k", 1, 0)))
			c.fails(driver.ErrNotFound, touch("k", far))
			c.fails(driver.ErrNotFound, touch("k", 0))
			c.missing("k")
		},
	},
	{
		Name:  "expiry/if-newer",
		Rule:  "If the checkpoint has expired, IfNewer stores any position: older, equal or newer.",
		waits: true,
		run: func(c *client) {
			c.letExpire(
				expiring(c.soon(), set("older", 10, 0)),
				expiring(c.soon(), set("equal", 10, 0)),
				expiring(c.soon(), set("newer", 10, 0)))
			for _, w := range []driver.Write{ifNewer("older", 9, 0), ifNewer("equal", 10, 0), ifNewer("newer", 11, 0)} {
				c.gets(driver.Advanced, w)
				c.holds(w)
			}
		},
	},
	{
		Name:  "expiry/by-every-mode",
		Rule:  "An expiry takes effect, whichever mode has set it. It replaces a later expiry, or none.",
		waits: true,
		run: func(c *client) {
			c.put(
				set("set", 1, 0), expiring(far, set("newer", 1, 0)), set("equal", 1, 0), set("rewind", 1, 0),
				expiring(far, set("touch", 1, 0)))
			c.letExpire(
				expiring(c.soon(), set("set", 1, 0)),
				expiring(c.soon(), ifNewer("newer", 2, 0)),
				expiring(c.soon(), ifNewer("equal", 1, 0)),
				expiring(c.soon(), rewind("rewind", 1, 0)),
				touch("touch", c.soon()),
			)
			for _, key := range []string{"set", "newer", "equal", "rewind", "touch"} {
				c.missing(key)
			}
		},
	},
	{
		Name: "expiry/whole",
		Rule: "No part of a TTL is cut: the checkpoint is there until its TTL has passed, even if the engine rounds " +
			"it.",
		waits: true,
		run: func(c *client) {
			written := time.Now()
			c.put(expiring(c.uneven(), set("k", 1, 0)))
			c.gone("k")
			if after := time.Since(written); after < c.uneven() {
				c.Fatalf("a checkpoint with a TTL of %v was gone %v after the write began", c.uneven(), after)
			}
		},
	},
	{
		Name: "expiry/cleared",
		Rule: "If a TTL was cleared, or replaced by a longer one, the checkpoint is still there after the " +
			"first TTL has passed.",
		waits: true,
		run:   expiryCleared,
	},
}

// letExpire makes writes and waits until all of them have expired. It adds one
// write that expires last, and sends that write after all others: the writes of
// one batch may land in any order, on several servers.
func (c *client) letExpire(writes ...driver.Write) {
	c.Helper()
	if len(writes) > 0 {
		c.results(writes...)
	}
	unit, _ := driver.UnitOf(c.driver)
	// The end of a lease is rounded up, and an expiry may be cut.
	c.results(expiring(c.soon()+unit, set("last to expire", 1, 0)))
	c.gone("last to expire")
}

// expiryCleared clears the expiry in the same batch that sets it. So little
// time is left for the checkpoint to expire in between, and the outcome tells
// if it did.
func expiryCleared(c *client) {
	changes := append(clearing("k"), touch("k", far), expiring(far, ifNewer("k", 1, 0)))
	for i, change := range changes {
		key := fmt.Sprintf("k/%d", i)
		change.Key = key
		c.eventually("the expiry is cleared before it comes", func() bool {
			results := c.results(expiring(c.soon(), set(key, 1, 0)), change)
			return results[1].Outcome != driver.Failed
		})
	}
	c.letExpire()
	for i, change := range changes {
		if r := c.read(fmt.Sprintf("k/%d", i))[0]; r.Err != nil {
			c.Fatalf("after %s the checkpoint that was to expire before is gone: %v", describe(change), r.Err)
		}
	}
}
