package storetest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
)

// Leases are an ability that a driver need not have. Without it a case only
// checks that the driver's answer is driver.ErrNoLeases.
var leaseCases = []Case{
	leaseCase("lease/grants",
		"Acquire on a key that nobody holds raises its fence by one and grants a lease with that epoch.",
		func(c *client, l leases) {
			lease := l.acquires("k", "a", far)
			if lease.Epoch != 1 {
				c.Fatalf("the first lease on a key has epoch %d, want 1", lease.Epoch)
			}
			c.put(fenced(1, set("k", 1, 0)), fenced(7, set("seen", 1, 0)))
			if lease := l.acquires("seen", "a", far); lease.Epoch != 8 {
				c.Fatalf("a key that has seen epoch 7 is leased with epoch %d, want 8", lease.Epoch)
			}
			c.refusesBelow(8, "seen")
		}),
	leaseCase("lease/one-owner",
		"While a lease lasts, Acquire by another owner is refused with its owner and its end, and changes nothing.",
		func(c *client, l leases) {
			lease := l.acquires("k", "a", far)
			for range 2 {
				l.refused("k", "b", lease)
				l.on(c.another()).refused("k", "b", lease)
			}
			c.put(fenced(lease.Epoch, set("k", 1, 0)))
			l.renews(lease, far)
		}),
	leaseWaits("lease/next-owner",
		"When a lease has expired another owner gets one with a higher epoch. The former owner can neither write nor "+
			"renew, and its Release changes nothing.",
		func(c *client, l leases) {
			first := l.acquires("k", "a", soon)
			c.letExpire()
			second := l.acquires("k", "b", far)
			if second.Epoch <= first.Epoch {
				c.Fatalf("the second lease has epoch %d, the first had %d", second.Epoch, first.Epoch)
			}
			c.gets(driver.Fenced, fenced(first.Epoch, set("k", 1, 0)))
			l.lost(first)
			if err := l.leaser.Release(c.ctx, first); err != nil {
				c.Fatalf("Release of a lease that was taken over: %v", err)
			}
			l.refused("k", "c", second)
			l.renews(second, far)
		}),
	leaseCase("lease/renew",
		"Renew moves the end of a lease, to earlier or later, and leaves its epoch.",
		func(_ *client, l leases) {
			lease := l.acquires("k", "a", far)
			for _, ttl := range []time.Duration{2 * far, far, time.Minute} {
				renewed := l.renews(lease, ttl)
				l.refused("k", "b", renewed)
			}
		}),
	leaseWaits("lease/renew-after-expiry",
		"A lease that has expired can be renewed as long as nobody has taken over.",
		func(c *client, l leases) {
			lease := l.acquires("k", "a", soon)
			c.letExpire()
			l.refused("k", "b", l.renews(lease, far))
		}),
	leaseCase("lease/one-owner-an-epoch",
		"Renew for another owner than the one whose lease has the epoch is refused, and changes nothing.",
		func(_ *client, l leases) {
			lease := l.acquires("k", "a", far)
			impostor := lease
			impostor.Owner = "b"
			l.lost(impostor)
			l.refused("k", "b", lease)
			l.renews(lease, 2*far)
		}),
	leaseWaits("lease/expires-by-itself",
		"A lease ends at its time, whether or not anybody has looked at it before.",
		func(c *client, l leases) {
			l.acquires("k", "a", far)
			lease := l.acquires("short", "a", time.Millisecond)
			c.letExpire()
			if next := l.acquires("short", "b", far); next.Epoch <= lease.Epoch {
				c.Fatalf("the next lease has epoch %d, the one before had %d", next.Epoch, lease.Epoch)
			}
		}),
	leaseWaits("lease/whole",
		"No part of a lease is cut: another owner gets one no sooner than the TTL after its owner asked for it.",
		leaseWhole),
	leaseCase("lease/release",
		"After Release another owner gets a lease at once. Until then the former owner can still write, since the fence stays.",
		func(c *client, l leases) {
			lease := l.acquires("k", "a", far)
			for range 2 {
				if err := l.leaser.Release(c.ctx, lease); err != nil {
					c.Fatalf("Release: %v", err)
				}
			}
			c.put(fenced(lease.Epoch, set("k", 1, 0)))
			next := l.acquires("k", "b", far)
			if next.Epoch <= lease.Epoch {
				c.Fatalf("the lease after a Release has epoch %d, the one before had %d", next.Epoch, lease.Epoch)
			}
			c.gets(driver.Fenced, fenced(lease.Epoch, set("k", 2, 0)))
		}),
	leaseCase("lease/same-owner",
		"An owner that acquires again gets a new lease at once, which ends its former one.",
		func(c *client, l leases) {
			first := l.acquires("k", "a", far)
			second := l.acquires("k", "a", far)
			if second.Epoch <= first.Epoch {
				c.Fatalf("the second lease has epoch %d, the first had %d", second.Epoch, first.Epoch)
			}
			l.lost(first)
			c.gets(driver.Fenced, fenced(first.Epoch, set("k", 1, 0)))
			l.refused("k", "b", second)
		}),
	leaseCase("lease/without-a-checkpoint",
		"A lease needs no checkpoint and makes none, and outlives Delete.",
		func(c *client, l leases) {
			lease := l.acquires("k", "a", far)
			c.missing("k")
			c.lists("*", 10)
			c.put(fenced(lease.Epoch, set("k", 1, 0)))
			c.deletes(1, "k")
			l.refused("k", "b", lease)
			l.renews(lease, far)
			c.lists("*", 10)
		}),
	leaseCase("lease/ends-with-its-epoch",
		"A Rewind, or a write with a higher epoch, ends a lease: its owner cannot renew it, and another gets one at once.",
		func(c *client, l leases) {
			first := l.acquires("rewound", "a", far)
			rewound := c.gets(driver.Advanced, rewind("rewound", 1, 0))
			l.lost(first)
			if next := l.acquires("rewound", "b", far); next.Epoch <= rewound.Epoch {
				c.Fatalf("the lease after a Rewind to epoch %d has epoch %d", rewound.Epoch, next.Epoch)
			}
			second := l.acquires("written", "a", far)
			c.put(fenced(second.Epoch+5, set("written", 1, 0)))
			l.lost(second)
			if next := l.acquires("written", "b", far); next.Epoch != second.Epoch+6 {
				c.Fatalf("a key that has seen epoch %d is leased with %d", second.Epoch+5, next.Epoch)
			}
		}),
	leaseCase("lease/apart",
		"Leases on different keys have nothing to do with each other, whatever the keys and owners are.",
		func(c *client, l leases) {
			keys := []string{"k", "K", "k ", "{k}", "{", "k*", "'k'", "ü"}
			held := make(map[string]driver.Lease)
			for i, key := range keys {
				held[key] = l.acquires(key, fmt.Sprintf("owner %d of {%s}*'\"", i, key), far)
			}
			for _, key := range keys {
				l.refused(key, "another", held[key])
			}
			if err := l.leaser.Release(c.ctx, held["k"]); err != nil {
				c.Fatalf("Release: %v", err)
			}
			l.acquires("k", "another", far)
			l.refused("K", "another", held["K"])
		}),
	leaseCase("lease/64-bits",
		"Leases are granted up to the highest epoch there is. Beyond it Acquire fails with ErrEpochExhausted and changes nothing.",
		func(c *client, l leases) {
			c.put(fenced(math.MaxUint64-1, set("k", 1, 0)))
			last := l.acquires("k", "a", far)
			if last.Epoch != math.MaxUint64 {
				c.Fatalf("after epoch %d the lease has %d", uint64(math.MaxUint64-1), last.Epoch)
			}
			_, err := l.leaser.Acquire(c.ctx, "k", "a", far)
			c.isOnly(driver.ErrEpochExhausted, err, "Acquire at the highest epoch")
			l.renews(last, far)
		}),
	leaseCase("lease/race",
		"Of many that acquire at once one gets the lease, and no two leases have the same epoch.",
		leaseRace),
	leaseCase("lease/outage",
		"An engine that fails is an error of its own in every method: never that another holds the lease, or has taken over.",
		func(c *client, l leases) {
			lease := l.acquires("k", "a", far)
			defer c.outage()()
			for name, call := range l.calls(lease) {
				ctx, cancel := context.WithTimeout(c.ctx, outageLimit)
				var err error
				c.within(name+" in an outage", func() { err = call(ctx) })
				cancel()
				c.judge(name, err)
			}
		}),
	leaseCase("lease/context",
		"With a context that has ended every method fails with the context's error, and changes nothing.",
		func(c *client, l leases) {
			lease := l.acquires("k", "a", far)
			ctx, cancel := context.WithCancel(c.ctx)
			cancel()
			for name, call := range l.calls(lease) {
				if err := call(ctx); !errors.Is(err, context.Canceled) {
					c.Errorf("%s with a context that has ended: %v, want the context's error", name, err)
				}
			}
			l.refused("k", "b", lease)
			if free := l.acquires("free", "b", far); free.Epoch != 1 {
				c.Errorf("an Acquire whose context had ended raised the fence: the next lease has epoch %d", free.Epoch)
			}
		}),
}

func leaseCase(name, rule string, run func(*client, leases)) Case {
	return Case{Name: name, Rule: rule, run: func(c *client) {
		if !hasLeases(c.driver) {
			if _, err := driver.Acquire(c.ctx, c.driver, nil); !errors.Is(err, driver.ErrNoLeases) {
				c.Fatalf("driver.Acquire: %v, want one that wraps: %v", err, driver.ErrNoLeases)
			}
			c.Logf("the driver has no leases")
			return
		}
		run(c, leases{c, leaser{c.driver}})
	}}
}

func hasLeases(d driver.Driver) bool {
	_, ok := d.(driver.Leaser)
	return ok
}

// A leaser takes leases one at a time.
type leaser struct{ driver driver.Driver }

func (l leaser) Acquire(ctx context.Context, key, owner string, ttl time.Duration) (driver.Lease, error) {
	return driver.One(driver.Acquire(ctx, l.driver, []driver.Lease{{Key: key, Owner: owner, TTL: ttl}}))
}

func (l leaser) Renew(ctx context.Context, lease driver.Lease, ttl time.Duration) (driver.Lease, error) {
	lease.TTL = ttl
	return driver.One(driver.Renew(ctx, l.driver, []driver.Lease{lease}))
}

func (l leaser) Release(ctx context.Context, lease driver.Lease) error {
	_, err := driver.One(driver.Release(ctx, l.driver, []driver.Lease{lease}))
	return err
}

func leaseWaits(name, rule string, run func(*client, leases)) Case {
	c := leaseCase(name, rule, run)
	c.waits = true
	return c
}

// leases is a client of the leases of an engine.
type leases struct {
	*client
	leaser leaser
}

// on is l by way of another driver.
func (l leases) on(other *client) leases { return leases{other, leaser{other.driver}} }

func (l leases) acquires(key, owner string, ttl time.Duration) driver.Lease {
	l.Helper()
	before := time.Now()
	lease, err := l.leaser.Acquire(l.ctx, key, owner, ttl)
	if err != nil {
		l.Fatalf("Acquire %q for %q: %v", key, owner, err)
	}
	if lease.Key != key || lease.Owner != owner || lease.TTL != ttl {
		l.Fatalf("Acquire %q for %q: %+v", key, owner, lease)
	}
	l.ends(lease, before, ttl)
	return lease
}

func (l leases) renews(lease driver.Lease, ttl time.Duration) driver.Lease {
	l.Helper()
	before := time.Now()
	renewed, err := l.leaser.Renew(l.ctx, lease, ttl)
	if err != nil {
		l.Fatalf("Renew %+v: %v", lease, err)
	}
	if renewed.Key != lease.Key || renewed.Owner != lease.Owner || renewed.Epoch != lease.Epoch {
		l.Fatalf("Renew %+v: %+v", lease, renewed)
	}
	l.ends(renewed, before, ttl)
	return renewed
}

// ends checks when a lease ends. The engine's clock may be another than ours.
func (l leases) ends(lease driver.Lease, before time.Time, ttl time.Duration) {
	l.Helper()
	const clocks = 5 * time.Minute
	at := lease.ExpiresAt
	if at.Location() != time.UTC || !at.Equal(at.Truncate(time.Millisecond)) {
		l.Fatalf("a lease ends at %v, want UTC and whole milliseconds", at)
	}
	if at.Before(before.Add(ttl-clocks)) || at.After(time.Now().Add(ttl+clocks)) {
		l.Fatalf("a lease of %v that was granted at %v ends at %v", ttl, before.UTC(), at)
	}
}

// refused tries to take over a lease that lasts.
func (l leases) refused(key, owner string, held driver.Lease) {
	l.Helper()
	_, err := l.leaser.Acquire(l.ctx, key, owner, far)
	var why *driver.LeaseHeldError
	if !errors.Is(err, driver.ErrLeaseHeld) || !errors.As(err, &why) {
		l.Fatalf("Acquire %q for %q, which %q holds: %v, want a LeaseHeldError", key, owner, held.Owner, err)
	}
	if why.Owner != held.Owner || !why.ExpiresAt.Equal(held.ExpiresAt) {
		l.Fatalf("the error names %q until %v, want %q until %v", why.Owner, why.ExpiresAt, held.Owner, held.ExpiresAt)
	}
}

// lost tries to renew a lease that is not valid any more.
func (l leases) lost(lease driver.Lease) {
	l.Helper()
	if _, err := l.leaser.Renew(l.ctx, lease, far); !errors.Is(err, driver.ErrFenced) {
		l.Fatalf("Renew of a lease that was lost: %v, want one that wraps: %v", err, driver.ErrFenced)
	}
}

// calls is every method, where it should succeed.
func (l leases) calls(held driver.Lease) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"Acquire": func(ctx context.Context) error {
			_, err := l.leaser.Acquire(ctx, "free", "a", far)
			return err
		},
		"Renew": func(ctx context.Context) error {
			_, err := l.leaser.Renew(ctx, held, far)
			return err
		},
		"Release": func(ctx context.Context) error { return l.leaser.Release(ctx, held) },
	}
}

// leaseWhole asks at many parts of a millisecond.
func leaseWhole(c *client, l leases) {
	const ttl, step = 3 * time.Millisecond, 50 * time.Microsecond
	for i := range 40 {
		time.Sleep(step)
		key := fmt.Sprintf("k/%d", i)
		asked := time.Now()
		l.acquires(key, "a", ttl)
		for {
			_, err := l.leaser.Acquire(c.ctx, key, "b", far)
			if err == nil {
				break
			}
			if !errors.Is(err, driver.ErrLeaseHeld) {
				c.Fatalf("Acquire: %v", err)
			}
			time.Sleep(step)
		}
		if after := time.Since(asked); after < ttl {
			c.Fatalf("a lease of %v was another's %v after it had been asked for", ttl, after)
		}
	}
}

func leaseRace(c *client, l leases) {
	const rounds, owners = 10, 8
	second := l.on(c.another())
	epochs := make(map[uint64]bool)
	for round := range rounds {
		granted := make([]driver.Lease, owners)
		errs := make([]error, owners)
		var wg sync.WaitGroup
		for i := range owners {
			leaser := l.leaser
			if i%2 == 1 {
				leaser = second.leaser
			}
			wg.Go(func() {
				granted[i], errs[i] = leaser.Acquire(c.ctx, "k", fmt.Sprintf("owner/%d/%d", round, i), far)
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
		if err := l.leaser.Release(c.ctx, *winner); err != nil {
			c.Fatalf("Release: %v", err)
		}
	}
}
