package memstore

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
)

// Acquire implements [driver.Leaser].
func (d *Driver) Acquire(ctx context.Context, key, owner string, ttl time.Duration) (driver.Lease, error) {
	if err := d.begin(ctx); err != nil {
		return driver.Lease{}, err
	}
	defer d.mu.Unlock()
	held, ok := d.leases[key]
	if ok && held.Owner != owner && d.valid(held) && time.Now().Before(held.ExpiresAt) {
		return driver.Lease{}, &driver.LeaseHeldError{Owner: held.Owner, ExpiresAt: held.ExpiresAt}
	}
	if d.fences[key] == math.MaxUint64 {
		return driver.Lease{}, driver.ErrEpochExhausted
	}
	d.fences[key]++
	lease := driver.Lease{Key: key, Owner: owner, Epoch: d.fences[key], ExpiresAt: leaseEnd(ttl)}
	d.leases[key] = lease
	return lease, nil
}

// Renew implements [driver.Leaser].
func (d *Driver) Renew(ctx context.Context, lease driver.Lease, ttl time.Duration) (driver.Lease, error) {
	if err := d.begin(ctx); err != nil {
		return driver.Lease{}, err
	}
	defer d.mu.Unlock()
	if !d.valid(lease) {
		return driver.Lease{}, fmt.Errorf("%w: the lease has epoch %d, the key has seen %d",
			driver.ErrFenced, lease.Epoch, d.fences[lease.Key])
	}
	if held := d.leases[lease.Key]; held.Epoch == lease.Epoch && held.Owner != lease.Owner {
		return driver.Lease{}, fmt.Errorf("%w: %q has a lease with epoch %d, too", driver.ErrFenced, held.Owner, held.Epoch)
	}
	lease.ExpiresAt = leaseEnd(ttl)
	d.leases[lease.Key] = lease
	return lease, nil
}

// Release implements [driver.Leaser].
func (d *Driver) Release(ctx context.Context, lease driver.Lease) error {
	if err := d.begin(ctx); err != nil {
		return err
	}
	defer d.mu.Unlock()
	if held, ok := d.leases[lease.Key]; ok && held.Owner == lease.Owner && held.Epoch == lease.Epoch {
		delete(d.leases, lease.Key)
	}
	return nil
}

// leaseEnd is the first whole millisecond at which a lease of ttl has lasted that long.
func leaseEnd(ttl time.Duration) time.Time {
	return time.Now().UTC().Add(ttl + time.Millisecond - time.Nanosecond).Truncate(time.Millisecond)
}

// valid reports whether nobody has raised the fence since lease was granted.
func (d *Driver) valid(lease driver.Lease) bool { return lease.Epoch == d.fences[lease.Key] }
