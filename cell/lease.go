package cell

import (
	"fmt"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
)

// Acquire decides whether l.Owner gets the lease for l.TTL. Store the returned cell
// even if the answer is a [driver.LeaseHeldError]: the end of the lease may have
// changed.
func (c Cell) Acquire(l driver.Lease, now time.Time) (Cell, driver.LeaseResult) {
	fence := c.Fence.Epoch
	if c.Fence.Err != nil {
		return c.refuse(c.Fence.Err)
	}
	if err := lost(fence, c.checkpoint(now).Epoch, "checkpoint"); err != nil {
		return c.refuse(err)
	}
	if err := lost(fence, c.Lease.Epoch, "lease"); err != nil {
		return c.refuse(err)
	}
	// The owner's own lease is replaced, whatever is wrong with it. A lease below
	// the fence is void.
	void := c.Lease.Epoch != 0 && c.Lease.Epoch < fence
	if c.Lease.Exists() && c.Lease.Owner != l.Owner && !void {
		if c.Lease.Err != nil {
			return c.refuse(c.Lease.Err)
		}
		if now.Before(c.Lease.ExpiresAt) {
			c.Lease.ExpiresAt = bounded(c.Lease.Lease, now)
			return c.refuse(&driver.LeaseHeldError{Owner: c.Lease.Owner, ExpiresAt: c.Lease.ExpiresAt})
		}
	}
	if fence == maxEpoch {
		return c.refuse(driver.ErrEpochExhausted)
	}
	c.raise(fence+1, now)
	l.Epoch = fence + 1
	return c.grant(l, now)
}

// bounded returns the end of a lease for which another owner asks. If somebody has set
// the clock back since the lease was granted, the lease ends one TTL from now. Its holder
// counts by a clock of its own, and does not believe in the lease for longer.
func bounded(l driver.Lease, now time.Time) time.Time {
	if latest := ceil(now).Add(l.TTL); l.TTL > 0 && l.ExpiresAt.After(latest) {
		return latest
	}
	return l.ExpiresAt
}

// Renew decides whether l is still the holder's. If it is, it ends its TTL from now.
func (c Cell) Renew(l driver.Lease, now time.Time) (Cell, driver.LeaseResult) {
	if c.Fence.Err != nil {
		return c.refuse(c.Fence.Err)
	}
	// No lease has epoch 0, which is the fence of a key that has seen none.
	if l.Epoch == 0 || l.Epoch != c.Fence.Epoch {
		return c.refuse(fmt.Errorf("%w: the lease has epoch %d, the key has seen %d", driver.ErrFenced, l.Epoch, c.Fence.Epoch))
	}
	// An engine that loses a grant, for instance in a failover, may grant its epoch
	// again.
	if c.Lease.Epoch == l.Epoch && c.Lease.Owner != "" && c.Lease.Owner != l.Owner {
		return c.refuse(fmt.Errorf("%w: %q has a lease with epoch %d, too", driver.ErrFenced, c.Lease.Owner, l.Epoch))
	}
	return c.grant(l, now)
}

// Release ends l if it is the lease that is stored. It is never refused.
func (c Cell) Release(l driver.Lease, _ time.Time) (Cell, driver.LeaseResult) {
	if l.Epoch != 0 && c.Lease.Epoch == l.Epoch && c.Lease.Owner == l.Owner {
		c.Lease = driver.StoredLease{}
	}
	return c, driver.LeaseResult{Lease: l}
}

func (c Cell) grant(l driver.Lease, now time.Time) (Cell, driver.LeaseResult) {
	l.ExpiresAt = ceil(now).Add(l.TTL)
	c.Lease = driver.StoredLease{Lease: l}
	return c, driver.LeaseResult{Lease: l}
}

func (c Cell) refuse(err error) (Cell, driver.LeaseResult) { return c, driver.LeaseResult{Err: err} }
