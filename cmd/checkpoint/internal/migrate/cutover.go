package migrate

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

// cutover locks the source's consumers out, key by key, and returns the checkpoints that
// it reads after that. No consumer with an epoch writes to them later.
func (m Migration) cutover(ctx context.Context, todo []checkpoint.Checkpoint, r *Report) ([]checkpoint.Checkpoint, error) {
	var left []checkpoint.Checkpoint
	for _, c := range todo {
		err := m.lock(ctx, c.Key)
		if err == nil {
			c, err = m.From.Get(ctx, c.Key)
		}
		switch {
		case errors.Is(err, checkpoint.ErrNotFound):
		case errors.Is(err, checkpoint.ErrCorrupt), errors.Is(err, checkpoint.ErrEpochExhausted):
			m.damage(r, c.Key, m.ofSource(transfer.Reason(err)))
		case err != nil:
			return nil, m.ofSource(err)
		default:
			left = append(left, c)
		}
	}
	return left, nil
}

// lock takes the lease of a key away from its owner, and keeps it. It only reports a key
// whose consumer writes without an epoch: no lease and no fence stops that consumer.
func (m Migration) lock(ctx context.Context, key string) error {
	cell, err := m.From.Inspect(ctx, key)
	if err != nil {
		return err
	}
	if !cell.Fence.Exists() && !cell.Lease.Exists() && cell.Checkpoint.Epoch == 0 {
		m.Unfenced(key)
		return nil
	}
	for range maxAttempts {
		_, err = m.From.Acquire(ctx, key, m.Cutover, cutoverTTL)
		if !errors.Is(err, checkpoint.ErrLeaseHeld) && !errors.Is(err, checkpoint.ErrCorruptLease) {
			return err
		}
		if _, err := m.From.Revoke(ctx, key); err != nil {
			return err
		}
	}
	return fmt.Errorf("%q: other instances took its lease %d times in a row: %w", key, maxAttempts, err)
}
