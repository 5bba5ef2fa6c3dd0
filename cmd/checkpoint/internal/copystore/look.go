package copystore

import (
	"context"
	"errors"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/transfer"
)

// An item is a key that is copied: what the source holds, and what the destination held.
type item struct {
	from   checkpoint.Cell
	to     checkpoint.Cell        // only if the source knows an epoch
	stored *checkpoint.Checkpoint // nil: the destination had none
}

// epoch is the highest epoch that the source knows.
func (i *item) epoch() uint64 { return epochOf(i.from) }

// look reads what the destination holds for a batch. It does so before a consumer is locked
// out: what is damaged there is reported, and its key left alone.
func (c *Copy) look(ctx context.Context, batch []checkpoint.Cell, r *Report) ([]item, error) {
	there, damaged, err := c.there(ctx, batch)
	if err != nil {
		return nil, err
	}
	var items []item
	for _, cell := range batch {
		i := item{from: cell}
		if stored, ok := there[cell.Key]; ok {
			i.stored = &stored
		}
		wrong := damaged[cell.Key]
		if wrong == nil && i.epoch() > 0 {
			if i.to, err = c.To.Inspect(ctx, cell.Key); err != nil {
				return nil, err
			}
			wrong = i.to.Fence.Err
		}
		if wrong != nil {
			c.damage(r, cell.Key, wrong)
			continue
		}
		items = append(items, i)
	}
	return items, nil
}

// there reads the checkpoints of the destination at the keys of batch. For a damaged one it
// returns the reason.
func (c *Copy) there(
	ctx context.Context, batch []checkpoint.Cell,
) (found map[string]checkpoint.Checkpoint, damaged map[string]error, err error) {
	keys := make([]string, len(batch))
	for i := range batch {
		keys[i] = batch[i].Key
	}
	found, err = c.To.GetMany(ctx, keys...)
	if err == nil || found == nil {
		return found, nil, err
	}
	// The error concerns some of the keys: ask for each that was not found.
	damaged = make(map[string]error)
	for _, key := range keys {
		if _, ok := found[key]; ok {
			continue
		}
		stored, err := c.To.Get(ctx, key)
		switch {
		case err == nil:
			found[key] = stored
		case errors.Is(err, checkpoint.ErrCorrupt):
			damaged[key] = transfer.Reason(err)
		case !errors.Is(err, checkpoint.ErrNotFound):
			return nil, nil, err
		}
	}
	return found, damaged, nil
}
