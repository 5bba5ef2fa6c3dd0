package storetest

import (
	"fmt"
	"math"
	"slices"

	"github.com/checkpointstore/checkpoint/driver"
)

var leaseBatchCases = []Case{
	{
		Name: "lease-batch/each-for-itself",
		Rule: "The results stand in the order of the leases. Each lease is decided for itself: a refused " +
			"lease does not keep others from being granted, renewed or ended.",
		needs: leasing,
		run:   leaseBatchEach,
	},
	{
		Name:  "lease-batch/damage",
		Rule:  "A damaged fence or lease in a batch is the error of its own key alone.",
		needs: leasing,
		run: func(c *client) {
			c.acquires("lease", "a", far)
			c.acquires("fence", "a", far)
			c.damage("lease", driver.ErrCorruptLease)
			c.damage("fence", driver.ErrCorruptFence)
			results := c.batch("Acquire", c.leaser().Acquire, wanted("b", "x", "lease", "y", "fence", "z"))
			c.granted(results[0], results[2], results[4])
			c.isOnly(driver.ErrCorruptLease, results[1].Err, "Acquire of the damaged lease in a batch")
			c.isOnly(driver.ErrCorruptFence, results[3].Err, "Acquire over the damaged fence in a batch")
		},
	},
	{
		Name:  "lease-batch/thousands",
		Rule:  "Acquire, Renew and Release take thousands of leases at once, and do them all.",
		needs: leasing,
		run: func(c *client) {
			var keys []string
			for i := range 3000 {
				keys = append(keys, fmt.Sprintf("k/%d", i))
			}
			held := leasesOf(c.granted(c.batch("Acquire", c.leaser().Acquire, wanted("a", keys...))...))
			held = leasesOf(c.granted(c.batch("Renew", c.leaser().Renew, held)...))
			for _, l := range []driver.Lease{held[0], held[1500], held[2999]} {
				c.refused(l.Key, "b", l)
			}
			c.granted(c.batch("Release", c.leaser().Release, held)...)
			c.granted(c.batch("Acquire", c.leaser().Acquire, wanted("b", keys...))...)
		},
	},
	{
		Name:  "lease-batch/none",
		Rule:  "Acquire, Renew and Release of no leases do nothing, without an error.",
		needs: leasing,
		run: func(c *client) {
			c.batch("Acquire", c.leaser().Acquire, nil)
			c.batch("Renew", c.leaser().Renew, nil)
			c.batch("Release", c.leaser().Release, nil)
		},
	},
	{
		Name: "lease-batch/slices",
		Rule: "A driver does not change the leases that it is given. After it returns, it keeps neither them " +
			"nor the results.",
		needs: leasing,
		run: func(c *client) {
			asked := wanted("a", "z", "m", "b")
			original := slices.Clone(asked)
			first := c.granted(c.batch("Acquire", c.leaser().Acquire, asked)...)
			if !slices.Equal(asked, original) {
				c.Fatalf("Acquire changed the slice of leases to %+v", asked)
			}
			clear(asked)
			c.batch("Acquire", c.leaser().Acquire, wanted("b", "x", "y", "z"))
			held := leasesOf(first)
			clear(first)
			for i, key := range []string{"z", "m", "b"} {
				if held[i].Key != key {
					c.Fatalf("lease %d is of %q after another call, want %q", i, held[i].Key, key)
				}
				c.refused(key, "b", held[i])
			}
		},
	},
}

func leaseBatchEach(c *client) {
	c.put(fenced(math.MaxUint64, set("exhausted", 1, 0)), fenced(7, set("seen", 1, 0)))
	held := c.acquires("held", "a", far)
	former := c.acquires("mine", "b", far)
	mine := c.acquires("mine", "b", far)

	acquired := c.batch("Acquire", c.leaser().Acquire, wanted("b", "z", "held", "seen", "exhausted", "a"))
	c.granted(acquired[0], acquired[2], acquired[4])
	c.isOnly(driver.ErrLeaseHeld, acquired[1].Err, "Acquire of a held lease in a batch")
	c.isOnly(driver.ErrEpochExhausted, acquired[3].Err, "Acquire at the highest epoch in a batch")
	if acquired[2].Lease.Epoch != 8 {
		c.Fatalf("a key that has seen epoch 7 is leased in a batch with epoch %d", acquired[2].Lease.Epoch)
	}

	z, a := acquired[0].Lease, acquired[4].Lease
	impostor := held
	impostor.Owner = "b"
	mine.TTL, z.TTL = 2*far, 3*far
	renewed := c.batch("Renew", c.leaser().Renew, []driver.Lease{z, impostor, mine})
	c.granted(renewed[0], renewed[2])
	c.isOnly(driver.ErrFenced, renewed[1].Err, "Renew of another's lease in a batch")
	for i, want := range []driver.Lease{z, {}, mine} {
		if got := renewed[i].Lease; got.TTL != want.TTL || want.TTL != 0 && got.ExpiresAt.Sub(held.ExpiresAt) < far/2 {
			c.Fatalf("Renew of %+v in a batch: %+v", want, got)
		}
	}

	c.granted(c.batch("Release", c.leaser().Release, []driver.Lease{former, a, impostor})...)
	c.refused("mine", "c", renewed[2].Lease)
	c.refused("held", "c", held)
	c.acquires("a", "c", far)
}

// wanted returns the leases that owner asks for.
func wanted(owner string, keys ...string) []driver.Lease {
	leases := make([]driver.Lease, len(keys))
	for i, key := range keys {
		leases[i] = driver.Lease{Key: key, Owner: owner, TTL: far}
	}
	return leases
}

func leasesOf(results []driver.LeaseResult) []driver.Lease {
	leases := make([]driver.Lease, len(results))
	for i, r := range results {
		leases[i] = r.Lease
	}
	return leases
}

func (c *client) leaser() driver.Leaser { return c.driver.(driver.Leaser) }
