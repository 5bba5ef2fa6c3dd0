package copystore

import (
	"context"
	"fmt"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/transfer"
)

// compare counts the items, and returns the checkpoints that are newer than those at the
// destination.
func (c *Copy) compare(items []item, r *Report) []checkpoint.Checkpoint {
	var todo []checkpoint.Checkpoint
	for _, i := range items {
		if i.to.Fence.Epoch < i.epoch() {
			r.Raised++
			c.Raises(i.to, i.epoch())
		}
		from := i.from.Checkpoint
		if !from.Exists {
			continue
		}
		if i.stored == nil || i.stored.Position.Compare(from.Position) < 0 {
			todo = append(todo, checkpoint.Checkpoint{Key: i.from.Key, Mark: from.Mark, ExpiresAt: from.ExpiresAt})
			continue
		}
		if i.stored.Position == from.Position {
			r.Same++
			continue
		}
		r.Newer++
		if from.Epoch > i.stored.Epoch {
			c.Ahead(i.from.Key, i.stored.Mark, from.Mark)
		}
	}
	return todo
}

// send writes todo, and reads it back.
func (c *Copy) send(ctx context.Context, todo []checkpoint.Checkpoint, r *Report) error {
	var writes []checkpoint.Write
	var sent []checkpoint.Checkpoint
	for _, checkpoint := range todo {
		w, lives := transfer.WriteOf(checkpoint)
		if !lives {
			continue
		}
		w.By = &c.By
		writes, sent = append(writes, w), append(sent, checkpoint)
	}
	outcomes, err := c.To.Apply(ctx, writes...)
	var written []checkpoint.Checkpoint
	for i, o := range outcomes {
		switch o {
		case checkpoint.Advanced, checkpoint.Unchanged:
			r.Written++
			written = append(written, sent[i])
			c.Changes(sent[i])
		case checkpoint.Stale:
			r.Newer++
		case checkpoint.Fenced:
			r.Fenced++
		case checkpoint.Unknown, checkpoint.Failed:
		}
	}
	if err != nil {
		return err
	}
	return c.verify(ctx, written)
}

// verify reads what was written. A consumer may have moved it on, and a checkpoint with a TTL
// may be gone.
func (c *Copy) verify(ctx context.Context, written []checkpoint.Checkpoint) error {
	keys := make([]string, len(written))
	for i := range written {
		keys[i] = written[i].Key
	}
	found, err := c.To.GetMany(ctx, keys...)
	if err != nil {
		return err
	}
	for _, w := range written {
		stored, ok := found[w.Key]
		switch {
		case !ok && w.ExpiresAt.IsZero():
			return fmt.Errorf("%q was written at %s, and is not there; run the command again", w.Key, w.Position)
		case ok && stored.Position.Compare(w.Position) < 0:
			return fmt.Errorf("%q was written at %s, and is at %s; run the command again", w.Key, w.Position, stored.Position)
		}
	}
	return nil
}

// raise brings the fences of the items along. So no writer that the source has locked out, and
// no owner of a lease there, can write at the destination with its old epoch.
func (c *Copy) raise(ctx context.Context, items []item) error {
	for _, i := range items {
		if i.epoch() == 0 {
			continue
		}
		key := i.from.Key
		stored, err := c.To.Inspect(ctx, key) // again: a write raises a fence, too
		if err == nil {
			err = stored.Fence.Err
		}
		raised := stored.Fence.Epoch
		if err == nil && raised < i.epoch() {
			raised, err = c.To.Fence(ctx, key, i.epoch())
		}
		if err != nil {
			return err
		}
		if raised < i.epoch() {
			return fmt.Errorf("the fence of %q is at %d, and was raised to %d; run the command again", key, raised, i.epoch())
		}
	}
	return nil
}
