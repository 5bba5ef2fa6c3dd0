package storetest

import (
	"errors"
	"fmt"
	"math"
	"sync"

	"github.com/checkpointstore/checkpoint/driver"
)

// Who gets a lease.
var grantCases = []Case{
	{
		Name: "lease/grants",
		Rule: "Acquire on a key that nobody holds raises the key's fence by one, and grants a lease whose " +
			"epoch is the new fence.",
		needs: leasing,
		run: func(c *client) {
			lease := c.acquires("k", "a", far)
			if lease.Epoch != 1 {
				c.Fatalf("the first lease on a key has epoch %d, want 1", lease.Epoch)
			}
			c.put(fenced(1, set("k", 1, 0)), fenced(7, set("seen", 1, 0)))
			if lease := c.acquires("seen", "a", far); lease.Epoch != 8 {
				c.Fatalf("a key that has seen epoch 7 is leased with epoch %d, want 8", lease.Epoch)
			}
			c.refusesBelow(8, "seen")
		},
	},
	{
		Name: "lease/one-owner",
		Rule: "While a lease lasts, Acquire by another owner is refused and changes nothing. The error names " +
			"the holder and the lease's end.",
		needs: leasing,
		run: func(c *client) {
			lease := c.acquires("k", "a", far)
			for range 2 {
				c.refused("k", "b", lease)
				c.another().refused("k", "b", lease)
			}
			c.put(fenced(lease.Epoch, set("k", 1, 0)))
			c.renews(lease, far)
		},
	},
	{
		Name:  "lease/same-owner",
		Rule:  "An owner that acquires again gets a new lease at once. The new lease ends its former one.",
		needs: leasing,
		run: func(c *client) {
			first := c.acquires("k", "a", far)
			second := c.acquires("k", "a", far)
			if second.Epoch <= first.Epoch {
				c.Fatalf("the second lease has epoch %d, the first had %d", second.Epoch, first.Epoch)
			}
			c.lost(first)
			c.gets(driver.Fenced, fenced(first.Epoch, set("k", 1, 0)))
			c.refused("k", "b", second)
		},
	},
	{
		Name:  "lease/apart",
		Rule:  "Leases on different keys do not affect each other, whatever the keys and owners are.",
		needs: leasing,
		run: func(c *client) {
			keys := []string{"k", "K", "k ", "{k}", "{", "k*", "'k'", "ü"}
			held := make(map[string]driver.Lease)
			for i, key := range keys {
				held[key] = c.acquires(key, fmt.Sprintf("owner %d of {%s}*'\"", i, key), far)
			}
			for _, key := range keys {
				c.refused(key, "another", held[key])
			}
			c.releases(held["k"])
			c.acquires("k", "another", far)
			c.refused("K", "another", held["K"])
		},
	},
	{
		Name: "lease/64-bits",
		Rule: "Acquire grants leases up to the highest epoch there is. Then Acquire fails with " +
			"ErrEpochExhausted and changes nothing.",
		needs: leasing,
		run: func(c *client) {
			c.put(fenced(math.MaxUint64-1, set("k", 1, 0)))
			last := c.acquires("k", "a", far)
			if last.Epoch != math.MaxUint64 {
				c.Fatalf("after epoch %d the lease has %d", uint64(math.MaxUint64-1), last.Epoch)
			}
			_, err := c.tryAcquire(c.ctx, "k", "a", far)
			c.isOnly(driver.ErrEpochExhausted, err, "Acquire at the highest epoch")
			c.renews(last, far)
		},
	},
	{
		Name:  "lease/race",
		Rule:  "If many acquire at once, one gets the lease, and no two leases have the same epoch.",
		needs: leasing,
		run:   leaseRace,
	},
	{
		Name:  "lease/without-a-checkpoint",
		Rule:  "A lease needs no checkpoint and makes none. It outlives Delete.",
		needs: leasing,
		run: func(c *client) {
			lease := c.acquires("k", "a", far)
			c.missing("k")
			c.lists("*", 10)
			c.put(fenced(lease.Epoch, set("k", 1, 0)))
			c.deletes(1, "k")
			c.refused("k", "b", lease)
			c.renews(lease, far)
			c.lists("*", 10)
		},
	},
}

func leaseRace(c *client) {
	const rounds, owners = 10, 8
	second := c.another()
	epochs := make(map[uint64]bool)
	for round := range rounds {
		granted := make([]driver.Lease, owners)
		errs := make([]error, owners)
		var wg sync.WaitGroup
		for i := range owners {
			by := []*client{c, second}[i%2]
			wg.Go(func() {
				granted[i], errs[i] = by.tryAcquire(c.ctx, "k", fmt.Sprintf("owner/%d/%d", round, i), far)
			})
		}
		wg.Wait()
		var winner *driver.Lease
		for i, err := range errs {
			switch {
			case err == nil && winner != nil:
				c.Fatalf("round %d: %q and %q both hold the lease", round, winner.Owner, granted[i].Owner)
			case err == nil:
				winner = &granted[i]
			case !errors.Is(err, driver.ErrLeaseHeld):
				c.Fatalf("round %d: Acquire: %v", round, err)
			}
		}
		if winner == nil {
			c.Fatalf("round %d: nobody got the lease", round)
		}
		if epochs[winner.Epoch] {
			c.Fatalf("round %d: epoch %d was granted twice", round, winner.Epoch)
		}
		epochs[winner.Epoch] = true
		c.releases(*winner)
	}
}
