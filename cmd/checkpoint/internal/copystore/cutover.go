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

// cutover locks the source's consumers out, key by key, and returns the items with what it
// reads after that. No consumer with an epoch writes to them later.
func (c *Copy) cutover(ctx context.Context, items []item, r *Report) ([]item, error) {
	var left []item
	for _, i := range items {
		var err error
		i.from, err = c.lock(ctx, i.from)
		switch {
		case errors.Is(err, checkpoint.ErrCorrupt), errors.Is(err, checkpoint.ErrEpochExhausted):
			c.damage(r, i.from.Key, &SourceError{transfer.Reason(err)})
		case err != nil:
			return nil, &SourceError{err}
		default:
			left = append(left, i)
		}
	}
	return left, nil
}

// lock takes the lease of a key away from its owner, and keeps it. It only reports a key
// whose consumer writes without an epoch: no lease and no fence stops that consumer.
func (c *Copy) lock(ctx context.Context, cell checkpoint.Cell) (checkpoint.Cell, error) {
	l := cell.Lease
	switch {
	case epochOf(cell) == 0 && !l.Exists():
		c.Unfenced(cell.Key)
		return cell, nil
	case l.Err == nil && l.Owner == c.Cutover && l.Epoch == cell.Fence.Epoch:
		return cell, nil // an earlier run has taken it: a new epoch would lock out who runs at the destination
	}
	c.Locks(cell)
	if !c.Apply {
		return cell, nil
	}
	if err := c.take(ctx, cell.Key); err != nil {
		return cell, err
	}
	locked, err := c.From.Inspect(ctx, cell.Key)
	if err == nil {
		err = fault(locked)
	}
	return locked, err
}

// take takes the lease, whoever has it.
func (c *Copy) take(ctx context.Context, key string) (err error) {
	for range maxAttempts {
		_, err = c.From.Acquire(ctx, key, c.Cutover, cutoverTTL)
		if !errors.Is(err, checkpoint.ErrLeaseHeld) && !errors.Is(err, checkpoint.ErrCorruptLease) {
			return err
		}
		if _, err := c.From.Revoke(ctx, key); err != nil {
			return err
		}
	}
	return fmt.Errorf("%q: other instances took its lease %d times in a row: %w", key, maxAttempts, err)
}
