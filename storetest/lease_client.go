package storetest

import (
	"context"
	"errors"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
)

// tryAcquire, tryRenew and tryRelease take one lease.
func (c *client) tryAcquire(ctx context.Context, key, owner string, ttl time.Duration) (driver.Lease, error) {
	return driver.One(driver.Acquire(ctx, c.driver, []driver.Lease{{Key: key, Owner: owner, TTL: ttl}}))
}

func (c *client) tryRenew(ctx context.Context, lease driver.Lease, ttl time.Duration) (driver.Lease, error) {
	lease.TTL = ttl
	return driver.One(driver.Renew(ctx, c.driver, []driver.Lease{lease}))
}

func (c *client) tryRelease(ctx context.Context, lease driver.Lease) error {
	_, err := driver.One(driver.Release(ctx, c.driver, []driver.Lease{lease}))
	return err
}

func (c *client) acquires(key, owner string, ttl time.Duration) driver.Lease {
	c.Helper()
	before := time.Now()
	lease, err := c.tryAcquire(c.ctx, key, owner, ttl)
	if err != nil {
		c.Fatalf("Acquire %q for %q: %v", key, owner, err)
	}
	if lease.Key != key || lease.Owner != owner {
		c.Fatalf("Acquire %q for %q: %+v", key, owner, lease)
	}
	c.grants(lease, ttl)
	c.ends(lease, before, ttl)
	return lease
}

func (c *client) renews(lease driver.Lease, ttl time.Duration) driver.Lease {
	c.Helper()
	before := time.Now()
	renewed, err := c.tryRenew(c.ctx, lease, ttl)
	if err != nil {
		c.Fatalf("Renew %+v: %v", lease, err)
	}
	if renewed.Key != lease.Key || renewed.Owner != lease.Owner || renewed.Epoch != lease.Epoch {
		c.Fatalf("Renew %+v: %+v", lease, renewed)
	}
	c.grants(renewed, ttl)
	c.ends(renewed, before, ttl)
	return renewed
}

// grants checks that a lease carries the TTL that was granted: what was asked for, or
// more of the engine's units.
func (c *client) grants(lease driver.Lease, asked time.Duration) {
	c.Helper()
	unit, _ := driver.UnitOf(c.driver)
	least := driver.RoundTTL(c.driver, asked)
	if got := lease.TTL; got < least || got%unit != 0 || unit == time.Millisecond && got != asked {
		c.Fatalf("an engine that counts in units of %v was asked for a lease of %v and granted %v, want %v", unit, asked, got, least)
	}
}

// ends checks when a lease ends. The engine's clock may differ from ours.
func (c *client) ends(lease driver.Lease, before time.Time, ttl time.Duration) {
	c.Helper()
	const clocks = 5 * time.Minute
	at := lease.ExpiresAt
	if at.Location() != time.UTC || !at.Equal(at.Truncate(time.Millisecond)) {
		c.Fatalf("a lease ends at %v, want UTC and whole milliseconds", at)
	}
	if at.Before(before.Add(ttl-clocks)) || at.After(time.Now().Add(ttl+clocks)) {
		c.Fatalf("a lease of %v that was granted at %v ends at %v", ttl, before.UTC(), at)
	}
}

// refused checks that nobody can take over a lease while it lasts.
func (c *client) refused(key, owner string, held driver.Lease) {
	c.Helper()
	_, err := c.tryAcquire(c.ctx, key, owner, far)
	var why *driver.LeaseHeldError
	if !errors.Is(err, driver.ErrLeaseHeld) || !errors.As(err, &why) {
		c.Fatalf("Acquire %q for %q, which %q holds: %v, want a LeaseHeldError", key, owner, held.Owner, err)
	}
	if why.Owner != held.Owner || !why.ExpiresAt.Equal(held.ExpiresAt) {
		c.Fatalf("the error names %q until %v, want %q until %v", why.Owner, why.ExpiresAt, held.Owner, held.ExpiresAt)
	}
}

// lost checks that a lease that is no longer valid cannot be renewed.
func (c *client) lost(lease driver.Lease) {
	c.Helper()
	if _, err := c.tryRenew(c.ctx, lease, far); !errors.Is(err, driver.ErrFenced) {
		c.Fatalf("Renew of a lease that was lost: %v, want one that wraps: %v", err, driver.ErrFenced)
	}
}

// leaseAttempts are an Acquire of a key that is free or held by the same owner, and a
// Renew and a Release of the lease held.
func (c *client) leaseAttempts(held driver.Lease) []attempt {
	return []attempt{
		{"Acquire", func(ctx context.Context, _ driver.Driver, key string) error {
			_, err := c.tryAcquire(ctx, key, "a", far)
			return err
		}},
		{"Renew", func(ctx context.Context, _ driver.Driver, _ string) error {
			_, err := c.tryRenew(ctx, held, far)
			return err
		}},
		{"Release", func(ctx context.Context, _ driver.Driver, _ string) error { return c.tryRelease(ctx, held) }},
	}
}

func (c *client) releases(lease driver.Lease) {
	c.Helper()
	if err := c.tryRelease(c.ctx, lease); err != nil {
		c.Fatalf("Release %+v: %v", lease, err)
	}
}

// batch makes a call of a Leaser, whose results may be errors.
func (c *client) batch(name string, call leaseCall, leases []driver.Lease) []driver.LeaseResult {
	c.Helper()
	results, err := call(c.ctx, leases)
	if err != nil || len(results) != len(leases) {
		c.Fatalf("%s of %d leases: %d results, %v", name, len(leases), len(results), err)
	}
	for i, r := range results {
		if l := leases[i]; r.Err == nil && (r.Lease.Key != l.Key || r.Lease.Owner != l.Owner) {
			c.Fatalf("%s: result %d is %+v, want the lease of %q on %q", name, i, r.Lease, l.Owner, l.Key)
		}
	}
	return results
}

type leaseCall func(context.Context, []driver.Lease) ([]driver.LeaseResult, error)

// granted checks that no result is an error.
func (c *client) granted(results ...driver.LeaseResult) []driver.LeaseResult {
	c.Helper()
	for i, r := range results {
		if r.Err != nil {
			c.Fatalf("of %d leases the one at %d failed: %v", len(results), i, r.Err)
		}
	}
	return results
}
