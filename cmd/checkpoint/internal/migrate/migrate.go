// Package migrate brings the checkpoints of a store into today's layout.
package migrate

import (
	"context"
	"errors"
	"iter"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/intake"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/transfer"
	"github.com/checkpointstore/checkpoint/redisstore"
)

// Items yields the checkpoints of a store whose keys match pattern, and what is damaged.
func Items(ctx context.Context, store *checkpoint.Store, pattern string) iter.Seq2[*intake.Item, error] {
	return func(yield func(*intake.Item, error) bool) {
		for c, err := range transfer.Walk(ctx, store, pattern) {
			i := intake.ItemOf(c)
			if c.Key != "" {
				i.Err, err = err, nil
			}
			if !yield(i, err) {
				return
			}
		}
	}
}

// A Converter converts checkpoints where they are: nothing but an older layout is in their way.
type Converter struct {
	// Convert brings keys into today's layout, and keeps the positions that they have then.
	// Nil: the store has no older layout.
	Convert func(ctx context.Context, keys []string) ([]redisstore.Conversion, error)
}

// Look finds the checkpoints that are in today's layout already.
func (c Converter) Look(_ context.Context, _ *intake.Job, items []*intake.Item) error {
	for _, i := range items {
		i.To.Fence.Epoch = i.Epoch() // it stays
		if c.Convert == nil || !i.From.Checkpoint.UpdatedAt.IsZero() {
			i.To.Checkpoint = i.From.Checkpoint
		}
	}
	return nil
}

// Write converts the items. Each gets the position that its conversion returns, since
// somebody may have changed the checkpoint after it was read. Nothing is read back: a
// conversion that was lost would leave the same position.
func (c Converter) Write(ctx context.Context, _ *intake.Job, items []*intake.Item) error {
	keys := make([]string, len(items))
	for n, i := range items {
		keys[n] = i.From.Key
	}
	done, err := c.Convert(ctx, keys)
	for n, d := range done {
		switch i := items[n]; {
		case errors.Is(d.Err, checkpoint.ErrNotFound): // somebody has deleted it
			i.Outcome = checkpoint.Failed
		case errors.Is(d.Err, checkpoint.ErrCorrupt):
			i.Err = d.Err
		case d.Err != nil:
			return &checkpoint.Error{Op: "migrate", Key: keys[n], Err: d.Err}
		case d.Done:
			i.Outcome, i.From.Checkpoint.Position = checkpoint.Advanced, d.Position
		default:
			i.Outcome = checkpoint.Unchanged
		}
	}
	return err
}
