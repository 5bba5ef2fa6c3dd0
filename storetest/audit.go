package storetest

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
)

var auditing = &ability{
	name: "History",
	has:  implements[driver.Historian],
	ask: func(ctx context.Context, d driver.Driver) error {
		_, err := driver.History(ctx, d, "k", 1)
		return err
	},
	err: driver.ErrUnsupported,
}

var ana = &driver.By{Actor: "ana@db1", Reason: "a bad deploy"}

func by(who *driver.By, w driver.Write) driver.Write {
	w.By = who
	return w
}

var auditCases = []Case{
	{
		Name:  "audit/set",
		Rule:  "A Set leaves an entry: the time, who and why, the positions before and after. A checkpoint that is missing or damaged has no position.",
		needs: auditing,
		run: func(c *client) {
			c.put(set("k", 1, 2))
			c.put(by(ana, set("k", 1<<63, 1<<64-1)))
			c.damage("k", driver.ErrCorruptCheckpoint)
			c.put(by(ana, fenced(7, set("k", 3, 4))))
			c.tells("k",
				"set by ana@db1 (a bad deploy): none -> 3/4, epoch 0 -> 7",
				"set by ana@db1 (a bad deploy): 1/2 -> 9223372036854775808/18446744073709551615, epoch 0 -> 0",
				"set by  (): none -> 1/2, epoch 0 -> 0")
		},
	},
	{
		Name:  "audit/rewind",
		Rule:  "A Rewind leaves an entry with the epochs before and after.",
		needs: auditing,
		run: func(c *client) {
			c.put(rewind("k", 9, 9), by(ana, rewind("k", 5, 5)), by(&driver.By{Actor: "b", Op: "undo"}, rewind("k", 9, 9)))
			c.tells("k",
				"undo by b (): 5/5 -> 9/9, epoch 2 -> 3",
				"rewind by ana@db1 (a bad deploy): 9/9 -> 5/5, epoch 1 -> 2",
				"rewind by  (): none -> 9/9, epoch 0 -> 1")
		},
	},
	{
		Name:  "audit/delete",
		Rule:  "A Delete leaves an entry for each checkpoint that it removes. The context says by whom it is.",
		needs: auditing,
		run: func(c *client) {
			c.put(ifNewer("k", 5, 5), ifNewer("l", 6, 6))
			for range 2 {
				if _, err := c.driver.Delete(driver.WithBy(c.ctx, *ana), []string{"k", "missing", "l"}); err != nil {
					c.Fatalf("Delete: %v", err)
				}
			}
			c.tells("k", "delete by ana@db1 (a bad deploy): 5/5 -> none, epoch 0 -> 0")
			c.tells("l", "delete by ana@db1 (a bad deploy): 6/6 -> none, epoch 0 -> 0")
			c.tells("missing")
		},
	},
	{
		Name:  "audit/fence",
		Rule:  "A RaiseFence leaves an entry if it changes something. The entry tells a raise to an epoch from a revocation.",
		needs: auditing,
		run: func(c *client) {
			if c.lacks(fencing) {
				return
			}
			raise := func(atLeast uint64) {
				if _, err := c.driver.(driver.Fencer).RaiseFence(driver.WithBy(c.ctx, *ana), "k", atLeast); err != nil {
					c.Fatalf("RaiseFence to at least %d: %v", atLeast, err)
				}
			}
			raise(0)
			raise(5)
			raise(0)
			c.put(ifNewer("k", 1, 2))
			raise(5)
			c.tells("k",
				"fence by ana@db1 (a bad deploy): 1/2 -> 1/2, epoch 6 -> 7",
				"revoke by ana@db1 (a bad deploy): none -> none, epoch 5 -> 6",
				"fence by ana@db1 (a bad deploy): none -> none, epoch 0 -> 5")
		},
	},
	{
		Name:  "audit/take-over",
		Rule:  "An Acquire leaves an entry if another owner has not released the lease. Any other Acquire, a Renew and a Release leave none.",
		needs: auditing,
		waits: true,
		run:   auditTakeOver,
	},
	{
		Name:  "audit/quiet",
		Rule:  "An IfNewer or a Touch leaves an entry only if the write says by whom it is.",
		needs: auditing,
		run: func(c *client) {
			c.ctx = driver.WithBy(c.ctx, *ana)
			c.put(ifNewer("k", 1, 0), fenced(4, ifNewer("k", 2, 0)), by(ana, ifNewer("k", 3, 0)))
			c.gets(driver.Unchanged, touch("k", far))
			c.gets(driver.Unchanged, by(ana, touch("k", 0)))
			c.gets(driver.Unchanged, by(ana, ifNewer("k", 3, 0)))
			c.tells("k",
				"advance by ana@db1 (a bad deploy): 3/0 -> 3/0, epoch 4 -> 4",
				"touch by ana@db1 (a bad deploy): 3/0 -> 3/0, epoch 4 -> 4",
				"advance by ana@db1 (a bad deploy): 2/0 -> 3/0, epoch 4 -> 4")
		},
	},
	{
		Name:  "audit/refused",
		Rule:  "A change that is refused, or that fails, leaves no entry.",
		needs: auditing,
		run: func(c *client) {
			c.put(fenced(5, ifNewer("k", 5, 0)))
			for _, w := range []driver.Write{fenced(4, set("k", 6, 0)), fenced(4, rewind("k", 1, 0))} {
				c.gets(driver.Fenced, by(ana, w))
			}
			c.gets(driver.Stale, by(ana, ifNewer("k", 4, 0)))
			c.damage("k", driver.ErrCorruptCheckpoint)
			c.fails(driver.ErrCorruptCheckpoint, by(ana, ifNewer("k", 6, 0)))
			c.fails(driver.ErrCorruptCheckpoint, by(ana, touch("k", 0)))
			c.damage("k", driver.ErrCorruptFence)
			c.fails(driver.ErrCorruptFence, by(ana, rewind("k", 1, 0)))
			c.fails(driver.ErrNotFound, by(ana, touch("missing", far)))
			c.tells("k")
			c.tells("missing")
		},
	},
	{
		Name:  "audit/latest",
		Rule:  "The engine keeps the latest 256 entries of a key. History returns at most as many as it was asked for, the latest first.",
		needs: auditing,
		run:   auditLatest,
	},
	{
		Name:  "audit/keys",
		Rule:  "Each key has entries of its own. Another driver over the same data finds them.",
		needs: auditing,
		run: func(c *client) {
			keys := []string{"k", "K", "k*", "k:1", "k/1", "{k}", "k 1", "é"}
			for i, key := range keys {
				c.put(set(key, uint64(i), 0))
			}
			for i, key := range keys {
				c.another().tells(key, fmt.Sprintf("set by  (): none -> %d/0, epoch 0 -> 0", i))
			}
			c.tells("k1")
		},
	},
	{
		Name:  "audit/texts",
		Rule:  "An entry keeps the actor and the reason, whatever characters they have, and the longest, too.",
		needs: auditing,
		run: func(c *client) {
			for _, text := range []string{`"quotes" 'and' \back\\slashes`, "{braces} [and] <b>tags</b> %d $1", "naïve 検査 🙂", " spaces ", "NULL", "-1", ""} {
				c.put(by(&driver.By{Actor: text, Reason: text}, set("k", 1, 0)))
				if e := c.history("k", 1)[0]; e.Actor != text || e.Reason != text {
					c.Fatalf("the entry of %q has the actor %q and the reason %q", text, e.Actor, e.Reason)
				}
			}
			long := driver.By{Actor: strings.Repeat("é", 128), Reason: strings.Repeat("r", 512)}
			c.put(by(&long, set("k", 1, 0)))
			if e := c.history("k", 1)[0]; e.Actor != long.Actor || e.Reason != long.Reason {
				c.Fatalf("the entry has cut the actor to %d bytes and the reason to %d", len(e.Actor), len(e.Reason))
			}
		},
	},
	{
		Name:  "audit/batch",
		Rule:  "Changes of one key in a batch leave their entries in the order of the batch, each beside the position that it found.",
		needs: auditing,
		run: func(c *client) {
			c.put(set("k", 1, 0), set("l", 7, 0), ifNewer("k", 2, 0), by(ana, set("k", 3, 0)), set("k", 4, 0))
			c.tells("k",
				"set by  (): 3/0 -> 4/0, epoch 0 -> 0",
				"set by ana@db1 (a bad deploy): 2/0 -> 3/0, epoch 0 -> 0",
				"set by  (): none -> 1/0, epoch 0 -> 0")
			c.tells("l", "set by  (): none -> 7/0, epoch 0 -> 0")
		},
	},
	{
		Name:  "audit/race",
		Rule:  "If many rewind a key at once, each leaves one entry. The entries form a chain: each finds what the one before it has left.",
		needs: auditing,
		run:   auditRace,
	},
	{
		Name:  "audit/gone",
		Rule:  "The entries of a key stay if its checkpoint goes, until ReleaseFences removes the key's fence.",
		needs: auditing,
		run: func(c *client) {
			c.put(rewind("k", 5, 0), rewind("l", 5, 0))
			if _, err := c.driver.Delete(c.ctx, []string{"k"}); err != nil {
				c.Fatalf("Delete: %v", err)
			}
			c.tells("k", "delete by  (): 5/0 -> none, epoch 1 -> 1", "rewind by  (): none -> 5/0, epoch 0 -> 1")
			if c.lacks(fencing) {
				return
			}
			time.Sleep(5 * time.Millisecond)
			c.releasesFences(1, 0, "k", "l")
			c.tells("k")
			c.tells("l", "rewind by  (): none -> 5/0, epoch 0 -> 1")
		},
	},
	{
		Name:  "audit/outage",
		Rule:  "If the engine fails, History fails: it never returns an empty list instead.",
		needs: auditing,
		run: func(c *client) {
			c.put(set("k", 1, 0))
			restore := c.outage()
			defer restore()
			c.failsInOutage("k", attempt{"History", func(ctx context.Context, d driver.Driver, key string) error {
				_, err := driver.History(ctx, d, key, 1)
				return err
			}})
		},
	},
}

func auditTakeOver(c *client) {
	if c.lacks(leasing) {
		return
	}
	c.releases(c.renews(c.acquires("k", "a", far), far))
	c.acquires("k", "b", c.soon())
	lease := c.acquires("k", "b", c.soon())
	c.tells("k")
	c.eventually("another owner gets the lease", func() bool {
		_, err := c.tryAcquire(c.ctx, "k", "c", far)
		return err == nil
	})
	c.tells("k", fmt.Sprintf("take-over by c (after b): none -> none, epoch %d -> %d", lease.Epoch, lease.Epoch+1))
}

func auditLatest(c *client) {
	const n = driver.AuditEntries + 44
	writes := make([]driver.Write, n)
	for i := range writes {
		writes[i] = set("k", uint64(i), 0) //nolint:gosec // an index
	}
	c.put(writes...)
	for asked, want := range map[int]int{1: 1, 3: 3, driver.AuditEntries: driver.AuditEntries, 10 * n: driver.AuditEntries} {
		entries := c.history("k", asked)
		if len(entries) != want {
			c.Fatalf("of %d entries History returned %d, and was asked for %d: want %d", n, len(entries), asked, want)
		}
		for i, e := range entries {
			if latest := uint64(n - 1 - i); e.New == nil || e.New.Commit != latest { //nolint:gosec // an index
				c.Fatalf("entry %d is %s, want the one that set %d", i, tell(e), latest)
			}
		}
	}
}

func auditRace(c *client) {
	const n = 32
	clients := []*client{c, c.another()}
	together(n, func(i int) {
		w := by(&driver.By{Actor: fmt.Sprint(i)}, rewind("k", uint64(i), 0)) //nolint:gosec // an index
		if results, err := clients[i%2].driver.Write(c.ctx, []driver.Write{w}); err != nil || results[0].Outcome != driver.Advanced {
			c.Errorf("rewind %d: %v, %v", i, results, err)
		}
	})
	entries, actors := c.history("k", 2*n), make(map[string]bool)
	if len(entries) != n {
		c.Fatalf("%d rewinds left %d entries", n, len(entries))
	}
	for i, e := range entries {
		actors[e.Actor] = true
		if i == n-1 {
			break
		}
		if before := entries[i+1]; e.Old == nil || before.New == nil || *e.Old != *before.New || e.OldEpoch != before.NewEpoch {
			c.Fatalf("an entry is %s, and the one before it %s", tell(e), tell(before))
		}
	}
	if len(actors) != n {
		c.Fatalf("%d actors rewound the key, and the entries name %d", n, len(actors))
	}
}
