package copystore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/transfer"
)

const (
	cutoverTTL = 10 * 365 * 24 * time.Hour // until somebody revokes it

	// maxAttempts bounds how often a standby may take the lease after it was revoked and
	// before cutover acquires it.
	maxAttempts = 100
)

// cutover locks the source's consumers out, and returns the items with what it reads after
// that. No consumer with an epoch writes to them later.
func (c *Copy) cutover(ctx context.Context, items []item, r *Report) ([]item, error) {
	var keys []string
	for _, i := range items {
		if c.locks(i.from) {
			keys = append(keys, i.from.Key)
		}
	}
	if !c.Apply {
		return items, nil
	}
	failed, err := c.take(ctx, keys)
	if err != nil {
		return nil, &SourceError{err}
	}
	var left []item
	for _, i := range items {
		key, err := i.from.Key, failed[i.from.Key]
		if err == nil {
			i.from, err = c.again(ctx, i.from)
		}
		switch {
		case errors.Is(err, checkpoint.ErrCorrupt), errors.Is(err, checkpoint.ErrEpochExhausted):
			c.damage(r, key, &SourceError{transfer.Reason(err)})
		case err != nil:
			return nil, &SourceError{err}
		default:
			left = append(left, i)
		}
	}
	return left, nil
}

// locks reports whether the lease of a key is to be taken, and says so. No lease and no fence
// stops a consumer that writes without an epoch. If an earlier run has taken the lease, a new
// epoch would lock out who runs at the destination by now.
func (c *Copy) locks(cell checkpoint.Cell) bool {
	l := cell.Lease
	switch {
	case epochOf(cell) == 0 && !l.Exists():
		c.Unfenced(cell.Key)
		return false
	case l.Err == nil && l.Owner == c.Cutover && l.Epoch == cell.Fence.Epoch:
		return false
	}
	c.Locks(cell)
	return true
}

// again reads a cell once more. A cell without an epoch was not locked, and stays as it is.
func (c *Copy) again(ctx context.Context, cell checkpoint.Cell) (checkpoint.Cell, error) {
	if epochOf(cell) == 0 && !cell.Lease.Exists() {
		return cell, nil
	}
	cell, err := c.From.Inspect(ctx, cell.Key)
	if err != nil {
		return cell, err
	}
	return cell, fault(cell)
}

// take takes the leases of keys, whoever has them. It returns the errors of those that cannot
// be taken.
func (c *Copy) take(ctx context.Context, keys []string) (failed map[string]error, err error) {
	failed = make(map[string]error)
	for range maxAttempts {
		leases := make([]checkpoint.Lease, len(keys))
		for i, key := range keys {
			leases[i] = checkpoint.Lease{Key: key, Owner: c.Cutover, TTL: cutoverTTL}
		}
		results, err := c.From.AcquireMany(ctx, leases...)
		if err != nil {
			return nil, err
		}
		var held []string
		for i, result := range results {
			switch {
			case errors.Is(result.Err, checkpoint.ErrLeaseHeld), errors.Is(result.Err, checkpoint.ErrCorruptLease):
				if _, err := c.From.Revoke(ctx, keys[i]); err != nil {
					failed[keys[i]] = err
					continue
				}
				held = append(held, keys[i])
			case result.Err != nil:
				failed[keys[i]] = result.Err
			}
		}
		if keys = held; len(keys) == 0 {
			return failed, nil
		}
	}
	return nil, fmt.Errorf("%q: other instances took its lease %d times in a row", keys[0], maxAttempts)
}
