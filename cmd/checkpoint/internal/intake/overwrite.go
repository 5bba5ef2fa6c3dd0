package intake

import (
	"context"
	"errors"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/rewind"
	"github.com/checkpointstore/checkpoint/driver"
)

// Overwrite writes over newer positions and damaged checkpoints, too.
type Overwrite struct {
	Fence bool // lock the keys' consumers out in the same step
}

// Look reads the cells, tells whose checkpoints are replaced, and takes them out of the way.
func (o Overwrite) Look(ctx context.Context, j *Job, items []*Item) error {
	err := each(items, func(i *Item) (err error) {
		i.To, err = rewind.Before(ctx, j.To, i.From.Key)
		return err
	})
	if err != nil {
		return err
	}
	for _, i := range items {
		replaces := i.From.Checkpoint.Exists // it has not expired
		if o.Fence && replaces {             // its own epoch must not be refused
			i.From.Fence.Epoch = i.To.Fence.Epoch + 1
			i.From.Checkpoint.Epoch = max(i.From.Checkpoint.Epoch, i.To.Fence.Epoch)
		}
		if i.Epoch() > 0 {
			i.Err = i.To.Fence.Err
		}
		if i.Err == nil && replaces {
			j.Tell(Replaced, i)
		}
		i.To.Checkpoint = driver.StoredCheckpoint{}
	}
	return nil
}

// Write writes all items at once, or rewinds each, and reads them back.
func (o Overwrite) Write(ctx context.Context, j *Job, items []*Item) error {
	if !o.Fence {
		return apply(ctx, j, items, false)
	}
	for _, i := range items {
		if err := j.rewind(ctx, i); err != nil {
			return err
		}
	}
	return j.verify(ctx, items)
}

// rewind stores an item, and raises the key's epoch in the same step. If somebody has raised
// the fence meanwhile, rewind stores the item without its own epoch.
func (j *Job) rewind(ctx context.Context, i *Item) error {
	key, c := i.From.Key, &i.From.Checkpoint
	opts := []checkpoint.WriteOption{checkpoint.TTL(i.ttl()), checkpoint.UpdatedAt(c.UpdatedAt), checkpoint.LogID(c.LogID)}
	stored, err := j.To.Rewind(ctx, key, c.Position, append(opts, checkpoint.Epoch(c.Epoch))...)
	if errors.Is(err, checkpoint.ErrFenced) {
		stored, err = j.To.Rewind(ctx, key, c.Position, opts...)
	}
	if err == nil {
		i.Outcome, c.Epoch = checkpoint.Advanced, stored.Epoch
	}
	return err
}
