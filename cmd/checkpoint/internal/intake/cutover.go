package intake

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

// cutover locks the source's consumers out, and reads the items again. No consumer with an
// epoch writes to them after that.
func (s Source) cutover(ctx context.Context, j *Job, items []*Item) error {
	var keys []string
	for _, i := range items {
		if s.locks(j, i) {
			keys = append(keys, i.From.Key)
		}
	}
	if !j.Apply {
		return nil
	}
	failed, err := s.take(ctx, keys)
	if err != nil {
		return err
	}
	for _, i := range items {
		err := failed[i.From.Key]
		if err == nil {
			err = s.again(ctx, i)
		}
		switch {
		case errors.Is(err, checkpoint.ErrCorrupt), errors.Is(err, checkpoint.ErrEpochExhausted):
			i.Err = &SourceError{transfer.Reason(err)}
		case err != nil:
			return err
		}
	}
	return nil
}

// unfenced reports whether a key has neither a fence nor a lease. Neither stops a consumer
// that writes without an epoch.
func unfenced(cell *checkpoint.Cell) bool { return cell.Fence.Epoch == 0 && !cell.Lease.Exists() }

// locks reports whether the lease of a key is to be taken, and says so. If an earlier run has
// taken the lease, a new epoch would lock out who runs at the target by now.
func (s Source) locks(j *Job, i *Item) bool {
	l := i.From.Lease
	switch {
	case unfenced(&i.From):
		j.Tell(Unfenced, i)
		return false
	case l.Err == nil && l.Owner == s.Cutover && l.Epoch == i.From.Fence.Epoch:
		return false
	}
	j.Tell(Locked, i)
	return true
}

// again reads the cell of an item once more. A cell that was not locked stays as it is.
func (s Source) again(ctx context.Context, i *Item) error {
	if unfenced(&i.From) {
		return nil
	}
	cell, err := s.Store.Inspect(ctx, i.From.Key)
	if err != nil {
		return err
	}
	i.From = cell
	return fault(cell)
}

// take takes the leases of keys, whoever has them. It returns the errors of those that cannot
// be taken.
func (s Source) take(ctx context.Context, keys []string) (failed map[string]error, err error) {
	failed = make(map[string]error)
	for range maxAttempts {
		leases := make([]checkpoint.Lease, len(keys))
		for i, key := range keys {
			leases[i] = checkpoint.Lease{Key: key, Owner: s.Cutover, TTL: cutoverTTL}
		}
		results, err := s.Store.AcquireMany(ctx, leases...)
		if err != nil {
			return nil, err
		}
		var held []string
		for i, result := range results {
			switch {
			case errors.Is(result.Err, checkpoint.ErrLeaseHeld), errors.Is(result.Err, checkpoint.ErrCorruptLease):
				if _, err := s.Store.Revoke(ctx, keys[i]); err != nil {
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
