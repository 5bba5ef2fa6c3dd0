package storetest

import (
	"fmt"
	"slices"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
)

var inspectCases = []Case{
	{
		Name: "inspect/shows",
		Rule: "Inspect answers each key with its cell, in the order of the keys. The cell has the checkpoint " +
			"as Get reads it, the fence with the time at which it was raised, and the lease. A part that is " +
			"not stored is absent.",
		needs: inspecting,
		run:   inspectShows,
	},
	{
		Name: "inspect/lease",
		Rule: "Inspect shows the owner, the epoch, the end and the TTL of a lease as they were granted or " +
			"renewed. After Release it shows no lease.",
		needs: inspecting,
		run: func(c *client) {
			if c.lacks(leasing) {
				return
			}
			lease := c.acquires("k", "a", far)
			c.showsLease(lease)
			lease = c.renews(lease, 2*far)
			c.showsLease(lease)
			c.put(fenced(lease.Epoch, set("k", 1, 0)))
			c.deletes(1, "k")
			c.showsLease(lease)
			c.releases(lease)
			if found := c.inspect("k")[0]; found.Lease.Exists() || found.Fence.Epoch != lease.Epoch {
				c.Fatalf("after Release Inspect shows the lease %+v and the fence %+v", found.Lease, found.Fence)
			}
		},
	},
	{
		Name:  "inspect/ended",
		Rule:  "Inspect shows a lease that has ended, and no checkpoint that has expired.",
		needs: inspecting,
		waits: true,
		run: func(c *client) {
			c.letExpire(fenced(5, expiring(c.soon(), set("k", 1, 0))))
			found := c.inspect("k")[0]
			if found.Checkpoint.Exists || found.Fence.Epoch != 5 {
				c.Fatalf("Inspect of an expired checkpoint: %+v", found)
			}
			if c.lacks(leasing) {
				return
			}
			lease := c.acquires("leased", "a", c.soon())
			c.letExpire()
			c.showsLease(lease)
		},
	},
	{
		Name: "inspect/damage",
		Rule: "Inspect and ScanCells show each damaged part by its own error, and all other parts and keys as " +
			"they are. They repair nothing.",
		needs: inspecting,
		run:   inspectDamage,
	},
	{
		Name: "inspect/scan",
		Rule: "ScanCells yields each matching key that has a checkpoint, a fence or a lease exactly once, whatever the page " +
			"size, with the cell that Inspect shows.",
		needs: inspecting,
		run:   inspectScan,
	},
	{
		Name:  "inspect/reads-alone",
		Rule:  "Inspect and ScanCells change nothing.",
		needs: inspecting,
		run: func(c *client) {
			c.put(fenced(5, expiring(far, set("k", 10, 0))))
			before := c.one("k")
			for range 3 {
				c.inspect("k", "none")
				c.cells("*", 10)
			}
			c.unchanged(before)
			c.refusesBelow(5, "k")
			c.gets(driver.Advanced, fenced(1, set("none", 1, 0)))
		},
	},
}

func inspectShows(c *client) {
	plain, full := set("plain", 1<<63, 7), at(evening, inLog("log", fenced(9, expiring(far, set("full", 3, 4)))))
	c.put(plain, full, fenced(5, set("fence", 1, 0)), set("moved", 2, 0))
	c.deletes(1, "fence")
	c.gets(driver.Stale, fenced(6, ifNewer("moved", 1, 0)))
	found := c.inspect("full", "none", "plain", "fence", "moved", "full")
	c.matches(recordOf(found[0]), full)
	c.matches(recordOf(found[2]), plain)
	c.matches(recordOf(found[4]), set("moved", 2, 0))
	c.matches(recordOf(found[5]), full)
	for i, epoch := range []uint64{9, 0, 0, 5, 6, 9} {
		f := found[i].Fence
		if f.Err != nil || f.Epoch != epoch || found[i].Lease.Exists() {
			c.Fatalf("Inspect shows %q with the fence %+v and the lease %+v, want epoch %d and no lease", found[i].Key, f, found[i].Lease, epoch)
		}
		if epoch != 0 && (time.Since(f.RaisedAt).Abs() > 10*time.Minute || f.RaisedAt.Location() != time.UTC) {
			c.Fatalf("the fence of %q was raised at %v, want about now, in UTC", found[i].Key, f.RaisedAt)
		}
	}
	for _, i := range []int{1, 3} {
		if found[i].Checkpoint.Exists {
			c.Fatalf("Inspect shows %q with the checkpoint %+v, want none", found[i].Key, found[i].Checkpoint)
		}
	}
	if n := len(c.inspect()); n != 0 {
		c.Fatalf("Inspect of no keys shows %d cells", n)
	}
}

func inspectDamage(c *client) {
	c.put(fenced(5, set("checkpoint", 1, 0)), fenced(5, set("fence", 2, 0)), fenced(5, set("sound", 3, 0)))
	c.damage("checkpoint", driver.ErrCorruptCheckpoint)
	c.damage("fence", driver.ErrCorruptFence)
	keys := []string{"checkpoint", "fence", "sound"}
	leases := !c.lacks(leasing)
	if leases {
		c.acquires("lease", "a", far)
		c.damage("lease", driver.ErrCorruptLease)
		keys = append(keys, "lease")
	}
	for range 2 {
		scanned := c.cells("*", 2)
		for _, found := range c.inspect(keys...) {
			c.sameCell(scanned[found.Key], found)
			for part, err := range map[string]error{"checkpoint": found.Checkpoint.Err, "fence": found.Fence.Err, "lease": found.Lease.Err} {
				switch {
				case part == found.Key:
					c.isOnly(corruption[part], err, "the damaged "+part+" that Inspect shows")
				case err != nil:
					c.Fatalf("Inspect shows %q with a damaged %s: %v", found.Key, part, err)
				}
			}
		}
	}
	found := c.inspect("checkpoint", "fence")
	if !found[0].Checkpoint.Exists || found[0].Fence.Epoch != 5 || found[1].Fence.Epoch != 0 {
		c.Fatalf("Inspect shows %+v, want a checkpoint that is there, with the fence 5, and a damaged fence of epoch 0", found)
	}
	c.matches(recordOf(found[1]), fenced(5, set("fence", 2, 0)))
}

func inspectScan(c *client) {
	keys := c.fill(20)
	for i := range 5 {
		key := fmt.Sprintf("key/fence/%d", i)
		c.put(fenced(3, set(key, 1, 0)))
		c.deletes(1, key)
		keys = append(keys, key)
	}
	if !c.lacks(leasing) {
		c.acquires("key/005", "a", far)
		c.acquires("key/lease", "a", far)
		keys = append(keys, "key/lease")
	}
	c.put(set("other", 1, 0), set("gone", 1, 0))
	c.deletes(1, "gone")
	for _, size := range []int{1, 7, 1000} {
		scanned := c.cells("key/*", size)
		c.sameKeys(fmt.Sprintf("ScanCells by %d", size), sortedKeys(scanned), keys)
		for _, want := range c.inspect(keys...) {
			c.sameCell(scanned[want.Key], want)
		}
		c.sameKeys("ScanCells of one key", sortedKeys(c.cells("key/00[3]", size)), []string{"key/003"})
		c.sameKeys("ScanCells of none", sortedKeys(c.cells("none*", size)), nil)
	}
	for _, err := range driver.ScanCells(c.ctx, c.driver, "*", 1) {
		if err != nil {
			c.Fatalf("ScanCells: %v", err)
		}
		break
	}
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// inspect returns the cells of keys.
func (c *client) inspect(keys ...string) []driver.Cell {
	c.Helper()
	cells, err := driver.Inspect(c.ctx, c.driver, keys)
	if err != nil {
		c.Fatalf("Inspect of %d keys: %v", len(keys), err)
	}
	for i, found := range cells {
		if found.Key != keys[i] {
			c.Fatalf("Inspect: cell %d is of key %q, want %q", i, found.Key, keys[i])
		}
	}
	return cells
}

// cells returns the cells that ScanCells finds. Each key must come once.
func (c *client) cells(pattern string, pageSize int) map[string]driver.Cell {
	c.Helper()
	all := make(map[string]driver.Cell)
	for page, err := range driver.ScanCells(c.ctx, c.driver, pattern, pageSize) {
		if err != nil {
			c.Fatalf("ScanCells %q by %d: %v", pattern, pageSize, err)
		}
		for _, found := range page {
			if _, twice := all[found.Key]; twice || !found.Holds() {
				c.Fatalf("ScanCells %q by %d: %q came twice, or holds nothing: %+v", pattern, pageSize, found.Key, found)
			}
			all[found.Key] = found
		}
	}
	return all
}

// recordOf returns the checkpoint of a cell as Get would return it.
func recordOf(found driver.Cell) driver.Record {
	r := driver.Record{Key: found.Key, Mark: found.Checkpoint.Mark, ExpiresAt: found.Checkpoint.ExpiresAt, Err: found.Checkpoint.Err}
	if !found.Checkpoint.Exists {
		r.Err = driver.ErrNotFound
	}
	return r
}

func (c *client) sameCell(got, want driver.Cell) {
	c.Helper()
	damage := func(cell driver.Cell) [3]bool {
		return [3]bool{cell.Checkpoint.Err != nil, cell.Fence.Err != nil, cell.Lease.Err != nil}
	}
	a, b := got.Fence, want.Fence
	x, y := got.Lease.Lease, want.Lease.Lease
	if r := recordOf(got); got.Checkpoint.Exists != want.Checkpoint.Exists || r.Err == nil && !same(r, recordOf(want)) ||
		damage(got) != damage(want) || a.Epoch != b.Epoch || !a.RaisedAt.Equal(b.RaisedAt) ||
		x.Owner != y.Owner || x.Epoch != y.Epoch || !x.ExpiresAt.Equal(y.ExpiresAt) {
		c.Fatalf("ScanCells found\n\t%+v\nand Inspect\n\t%+v", got, want)
	}
}

func (c *client) showsLease(want driver.Lease) {
	c.Helper()
	found := c.inspect(want.Key)[0]
	l := found.Lease
	if l.Err != nil || l.Key != want.Key || l.Owner != want.Owner || l.Epoch != want.Epoch || l.TTL != want.TTL || !l.ExpiresAt.Equal(want.ExpiresAt) {
		c.Fatalf("Inspect shows the lease %+v, want %+v", l, want)
	}
	if found.Fence.Epoch != want.Epoch {
		c.Fatalf("Inspect shows the fence %+v beside the lease %+v", found.Fence, want)
	}
}
