package storetest

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
)

var raiseCases = []Case{
	{
		Name: "raise/above-all",
		Rule: "RaiseFence raises the fence to the requested epoch, or to the key's highest epoch + 1, " +
			"whichever is higher.",
		needs: fencing,
		run: func(c *client) {
			c.put(fenced(5, expiring(far, set("k", 10, 0))))
			for _, step := range []struct{ atLeast, want uint64 }{{0, 6}, {6, 7}, {3, 8}, {100, 100}, {1 << 63, 1 << 63}} {
				c.raises(step.want, "k", step.atLeast)
				c.refusesBelow(step.want, "k")
			}
			c.holds(fenced(5, expiring(far, set("k", 10, 0))))
			c.gets(driver.Advanced, fenced(1<<63, ifNewer("k", 11, 0)))
			c.put(set("unfenced", 1, 0))
			c.raises(9, "unfenced", 9)
			c.refusesBelow(9, "unfenced")
			c.raises(9, "new", 9)
			c.refusesBelow(9, "new")
			c.missing("new")
		},
	},
	{
		Name:  "raise/nothing",
		Rule:  "RaiseFence to at least zero makes no fence for a key that has seen no epoch.",
		needs: fencing,
		run: func(c *client) {
			c.put(set("k", 1, 0))
			for _, key := range []string{"k", "new"} {
				c.raises(0, key, 0)
				c.gets(driver.Advanced, fenced(1, set(key, 1, 0)))
			}
		},
	},
	{
		Name:  "raise/exhausted",
		Rule:  "At the highest epoch there is, RaiseFence fails with ErrEpochExhausted and changes nothing.",
		needs: fencing,
		run: func(c *client) {
			c.put(fenced(math.MaxUint64-1, set("k", 1, 0)))
			c.raises(math.MaxUint64, "k", 0)
			_, err := c.tryRaise("k", 0)
			c.isOnly(driver.ErrEpochExhausted, err, "RaiseFence at the highest epoch")
			c.gets(driver.Advanced, fenced(math.MaxUint64, ifNewer("k", 2, 0)))
		},
	},
	{
		Name: "raise/ends-the-lease",
		Rule: "RaiseFence ends a lease. Its owner can neither write nor renew, and another owner gets a lease " +
			"at once, with a higher epoch.",
		needs: fencing,
		run: func(c *client) {
			if c.lacks(leasing) {
				return
			}
			first := c.acquires("k", "a", far)
			c.raises(first.Epoch+1, "k", 0)
			c.lost(first)
			c.gets(driver.Fenced, fenced(first.Epoch, set("k", 1, 0)))
			if next := c.acquires("k", "b", far); next.Epoch != first.Epoch+2 {
				c.Fatalf("after RaiseFence to %d the next lease has epoch %d", first.Epoch+1, next.Epoch)
			}
		},
	},
	{
		Name: "raise/repairs-a-fence",
		Rule: "RaiseFence to at least an epoch above zero repairs a damaged fence. RaiseFence to at least " +
			"zero fails with ErrCorruptFence.",
		needs: fencing,
		run: func(c *client) {
			c.put(fenced(5, set("k", 10, 0)))
			c.damage("k", driver.ErrCorruptFence)
			_, err := c.tryRaise("k", 0)
			c.isOnly(driver.ErrCorruptFence, err, "RaiseFence of a damaged fence to at least zero")
			c.fails(driver.ErrCorruptFence, fenced(9, ifNewer("k", 11, 0)))
			c.raises(6, "k", 2)
			c.refusesBelow(6, "k")
			c.damage("k", driver.ErrCorruptFence)
			c.raises(20, "k", 20)
			c.refusesBelow(20, "k")
			c.holds(fenced(5, set("k", 10, 0)))
		},
	},
	{
		Name:  "raise/repairs-a-lease",
		Rule:  "RaiseFence ends a damaged lease, and leaves a damaged checkpoint as it is.",
		needs: fencing,
		run: func(c *client) {
			c.put(set("k", 10, 0))
			c.damage("k", driver.ErrCorruptCheckpoint)
			c.raises(7, "k", 7)
			c.damaged("k")
			if c.lacks(leasing) {
				return
			}
			lease := c.acquires("k", "a", far)
			c.damage("k", driver.ErrCorruptLease)
			c.raises(lease.Epoch+1, "k", 0)
			c.acquires("k", "b", far)
			c.damaged("k")
		},
	},
	{
		Name:  "raise/race",
		Rule:  "If many call RaiseFence at once, no two get the same fence.",
		needs: fencing,
		run: func(c *client) {
			c.put(fenced(1, set("k", 1, 0)))
			second := c.another()
			got := make([]uint64, 16)
			together(len(got), func(i int) {
				by := []*client{c, second}[i%2]
				var err error
				if got[i], err = by.tryRaise("k", 0); err != nil {
					c.Errorf("RaiseFence among others: %v", err)
				}
			})
			slices.Sort(got)
			for i, epoch := range got {
				if want := uint64(i) + 2; epoch != want {
					c.Fatalf("RaiseFence at once raised to %v, want each from 2 to %d", got, len(got)+1)
				}
			}
		},
	},
}

var releaseFencesCases = []Case{
	{
		Name: "release-fences/removes",
		Rule: "ReleaseFences removes and counts the fence of a key that has nothing else. Afterwards the key " +
			"counts as one that has seen no epoch.",
		needs: fencing,
		run: func(c *client) {
			c.put(fenced(5, set("a", 1, 0)), fenced(5, set("b", 1, 0)), fenced(5, set("c", 1, 0)), set("unfenced", 1, 0))
			c.deletes(3, "a", "b", "c")
			c.releasesFences(2, 0, "a", "none", "b", "a", "unfenced")
			c.releasesFences(0, 0, "a", "b")
			c.releasesFences(0, 0)
			c.gets(driver.Advanced, fenced(1, set("a", 1, 0)))
			c.gets(driver.Advanced, fenced(1, set("b", 1, 0)))
			c.refusesBelow(5, "c")
		},
	},
	{
		Name:  "release-fences/idle",
		Rule:  "ReleaseFences leaves a fence that was raised within the given idle time.",
		needs: fencing,
		run: func(c *client) {
			c.put(fenced(5, set("k", 1, 0)))
			c.deletes(1, "k")
			c.releasesFences(0, far, "k")
			c.refusesBelow(5, "k")
		},
	},
	{
		Name: "release-fences/idle-lease",
		Rule: "ReleaseFences leaves the fence of a key whose lease has ended within the given idle time, however long " +
			"ago the fence was raised.",
		needs: fencing,
		waits: true,
		run:   releaseFencesIdleLease,
	},
	{
		Name:  "release-fences/needed",
		Rule:  "ReleaseFences leaves the fence of a key that has a checkpoint or a lease, sound or damaged, and a damaged fence.",
		needs: fencing,
		run: func(c *client) {
			c.put(fenced(5, set("sound", 1, 0)), fenced(5, set("damaged", 1, 0)), fenced(5, set("fence", 1, 0)))
			c.damage("damaged", driver.ErrCorruptCheckpoint)
			c.deletes(1, "fence")
			c.damage("fence", driver.ErrCorruptFence)
			c.releasesFences(0, 0, "sound", "damaged", "fence")
			c.refusesBelow(5, "sound")
			c.refusesBelow(5, "damaged")
			c.fails(driver.ErrCorruptFence, fenced(1, set("fence", 1, 0)))
			if c.lacks(leasing) {
				return
			}
			held := c.acquires("held", "a", far)
			c.acquires("lease", "a", far)
			c.damage("lease", driver.ErrCorruptLease)
			c.releasesFences(0, 0, "held", "lease")
			c.refused("held", "b", held)
			_, err := c.tryAcquire(c.ctx, "lease", "b", far)
			c.isOnly(driver.ErrCorruptLease, err, "Acquire of the damaged lease")
		},
	},
	{
		Name:  "release-fences/ended",
		Rule:  "An expired checkpoint or an ended lease does not keep ReleaseFences from removing the fence.",
		needs: fencing,
		waits: true,
		run: func(c *client) {
			c.letExpire(fenced(5, expiring(c.soon(), set("k", 1, 0))))
			c.releasesFences(1, 0, "k")
			c.gets(driver.Advanced, fenced(1, set("k", 1, 0)))
			if c.lacks(leasing) {
				return
			}
			c.acquires("leased", "a", c.soon())
			c.letExpire()
			c.releasesFences(1, 0, "leased")
			if next := c.acquires("leased", "b", far); next.Epoch != 1 {
				c.Fatalf("after ReleaseFences the lease has epoch %d, want 1", next.Epoch)
			}
		},
	},
	{
		Name:  "release-fences/outage",
		Rule:  "If the engine fails, ReleaseFences returns an error, and never a count of zero without one.",
		needs: fencing,
		run: func(c *client) {
			c.put(fenced(5, set("k", 1, 0)))
			c.deletes(1, "k")
			defer c.outage()()
			c.failsInOutage("k", attempt{"ReleaseFences", func(ctx context.Context, d driver.Driver, key string) error {
				_, err := d.(driver.Fencer).ReleaseFences(ctx, []string{key}, 0)
				return err
			}})
		},
	},
}

// releaseFencesIdleLease raises the fence some time before the lease ends. If ReleaseFences
// takes longer than that, a release proves nothing, and the case leaves more time.
func releaseFencesIdleLease(c *client) {
	if c.lacks(leasing) {
		return
	}
	for apart := 100 * time.Millisecond; ; apart *= 2 {
		lease := c.acquires("k/"+apart.String(), "a", far)
		raised := time.Now()
		time.Sleep(apart)
		end := time.Now().Add(c.soon()) // or later
		c.renews(lease, c.soon())
		c.letExpire()
		idle := time.Since(raised).Truncate(time.Millisecond)
		n, err := c.driver.(driver.Fencer).ReleaseFences(c.ctx, []string{lease.Key}, idle)
		ago := time.Since(end)
		switch {
		case err != nil:
			c.Fatalf("ReleaseFences of %q: %v", lease.Key, err)
		case n == 0:
			return
		case ago < idle-apart/2:
			c.Fatalf("ReleaseFences removed a fence whose lease ended %v ago at most, and was to leave the fences of the last %v", ago, idle)
		}
	}
}

// raises checks the fence of key after RaiseFence.
func (c *client) raises(want uint64, key string, atLeast uint64) {
	c.Helper()
	if got, err := c.tryRaise(key, atLeast); err != nil || got != want {
		c.Fatalf("RaiseFence %q to at least %d: %d, %v, want %d", key, atLeast, got, err, want)
	}
}

func (c *client) tryRaise(key string, atLeast uint64) (uint64, error) {
	return c.driver.(driver.Fencer).RaiseFence(c.ctx, key, atLeast)
}

// releasesFences checks how many fences of keys ReleaseFences removes.
func (c *client) releasesFences(want int, idle time.Duration, keys ...string) {
	c.Helper()
	n, err := c.driver.(driver.Fencer).ReleaseFences(c.ctx, keys, idle)
	if err != nil || n != want {
		c.Fatalf("ReleaseFences of %q: %d, %v, want %d", keys, n, err, want)
	}
}
