package cell

import (
	"math"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
)

const maxEpoch = math.MaxUint64

// raise lifts the fence to epoch. It never lowers it.
func (c *Cell) raise(epoch uint64, now time.Time) {
	if epoch > c.Fence.Epoch {
		c.Fence = driver.Fence{Epoch: epoch, RaisedAt: now.UTC().Truncate(time.Millisecond)}
	}
}

// lost returns an error if the fence was lowered or removed. Every change keeps epoch
// <= fence, for the epoch of the checkpoint and of the lease.
func lost(fence, epoch uint64, part string) error {
	if epoch <= fence {
		return nil
	}
	return driver.DamagedFence("it is at epoch %d, below epoch %d of the %s", fence, epoch, part)
}

// RaiseFence raises the fence to atLeast, or to one more than the highest epoch that is
// stored, whichever is higher, and removes the lease. It repairs a damaged fence only
// if atLeast is not zero: the caller must say what the fence was. If atLeast is zero,
// and the cell has no fence, no lease and no epoch, nothing changes.
func (c Cell) RaiseFence(atLeast uint64, now time.Time) (Cell, uint64, error) {
	if c.Fence.Err != nil && atLeast == 0 {
		return c, 0, c.Fence.Err
	}
	highest := max(c.Fence.Epoch, c.Checkpoint.Epoch, c.Lease.Epoch)
	if highest == 0 && atLeast == 0 && !c.Lease.Exists() {
		return c, 0, nil
	}
	if highest == maxEpoch || atLeast == maxEpoch {
		return c, 0, driver.ErrEpochExhausted
	}
	c.Fence = driver.Fence{}
	c.raise(max(atLeast, highest+1), now)
	c.Lease = driver.StoredLease{}
	return c, c.Fence.Epoch, nil
}

// ReleaseFence removes the fence, and the rest of a lease that has ended, if nothing
// needs them, and reports whether it did. The key needs them as long as it has a
// checkpoint, or less than idle has passed since the fence was raised or the lease
// ended. The fence stays if the time of its last raise is not known, if it is damaged,
// or if the lease is damaged or has a higher epoch.
func (c Cell) ReleaseFence(idle time.Duration, now time.Time) (Cell, bool) {
	before := now.Add(-idle)
	switch {
	case !c.Fence.Exists() || c.Fence.Err != nil || c.Lease.Err != nil:
		return c, false
	case c.checkpoint(now).Exists:
		return c, false
	case c.Fence.RaisedAt.IsZero() || c.Fence.RaisedAt.After(before):
		return c, false
	case c.Lease.Exists() && c.Lease.ExpiresAt.After(before):
		return c, false
	case c.Lease.Epoch > c.Fence.Epoch:
		return c, false
	}
	c.Fence, c.Lease = driver.Fence{}, driver.StoredLease{}
	return c, true
}
