package transfer

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
)

// look reports the consumers whose checkpoints are about to be overwritten. If it cannot
// read a key, it stops: the write meets the same error.
func (im *importer) look(ctx context.Context, writes []checkpoint.Write) {
	for _, w := range writes {
		cell, err := im.store.Inspect(ctx, w.Key)
		if err != nil {
			return
		}
		l := cell.Lease
		leased := l.Exists() && l.Err == nil && l.Epoch == cell.Fence.Epoch && time.Now().Before(l.ExpiresAt)
		switch {
		case leased && im.opts.Running != nil && !im.opts.Fence:
			im.opts.Running(w.Key, l.Owner)
		case !leased && cell.Checkpoint.Exists && cell.Checkpoint.Epoch == 0:
			im.report.Unfenced++
		}
	}
}

// rewind stores the writes as Apply would, and raises each key's epoch in the same step.
// If a write's own epoch is fenced, rewind stores the write without it: an overwrite with
// a fence must not be refused.
func (im *importer) rewind(ctx context.Context, writes ...checkpoint.Write) ([]checkpoint.Outcome, error) {
	if im.opts.By != nil {
		ctx = driver.WithBy(ctx, *im.opts.By)
	}
	outcomes := slices.Repeat([]checkpoint.Outcome{checkpoint.Failed}, len(writes))
	for i, w := range writes {
		opts := []checkpoint.WriteOption{checkpoint.TTL(w.TTL), checkpoint.UpdatedAt(w.UpdatedAt), checkpoint.LogID(w.LogID)}
		_, err := im.store.Rewind(ctx, w.Key, w.Position, append(opts, checkpoint.Epoch(w.Epoch))...)
		if errors.Is(err, checkpoint.ErrFenced) {
			_, err = im.store.Rewind(ctx, w.Key, w.Position, opts...)
		}
		if err != nil {
			return outcomes, err
		}
		outcomes[i] = checkpoint.Advanced
	}
	return outcomes, nil
}
