package rewind

import (
	"context"
	"errors"

	"github.com/checkpointstore/checkpoint"
)

// Before reads what key holds. If the store has no fences and leases, it reads the
// checkpoint alone.
func Before(ctx context.Context, store *checkpoint.Store, key string) (checkpoint.Cell, error) {
	cell, err := store.Inspect(ctx, key)
	if errors.Is(err, checkpoint.ErrUnsupported) {
		cell, err = checkpointOnly(ctx, store, key)
	}
	cell.Key = key
	return cell, err
}

func checkpointOnly(ctx context.Context, store *checkpoint.Store, key string) (cell checkpoint.Cell, err error) {
	c, err := store.Get(ctx, key)
	switch {
	case errors.Is(err, checkpoint.ErrNotFound):
		return cell, nil
	case errors.Is(err, checkpoint.ErrCorruptCheckpoint):
		cell.Checkpoint.Err = err
	case err != nil:
		return cell, err
	}
	cell.Checkpoint.Exists = true
	cell.Checkpoint.Mark = c.Mark
	return cell, nil
}
