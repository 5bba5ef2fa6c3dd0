package intake

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/rewind"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/transfer"
	"github.com/checkpointstore/checkpoint/driver"
)

// Newer writes a checkpoint only if it is newer: a consumer that has moved on meanwhile is
// not set back.
type Newer struct{}

// Look reads the cells. An engine that does not show its fences has none to raise.
func (Newer) Look(ctx context.Context, j *Job, items []*Item) error {
	keys := make([]string, len(items))
	for n, i := range items {
		keys[n] = i.From.Key
	}
	cells, err := j.To.InspectMany(ctx, keys...)
	if errors.Is(err, checkpoint.ErrUnsupported) {
		return each(items, func(i *Item) (err error) {
			i.To, err = rewind.Before(ctx, j.To, i.From.Key)
			i.Err = transfer.Reason(i.To.Checkpoint.Err)
			return err
		})
	}
	for n, cell := range cells {
		i := items[n]
		i.To, i.Err = cell, cell.Checkpoint.Err
		if i.Epoch() > 0 {
			i.Err = cmp.Or(i.Err, cell.Fence.Err)
		}
	}
	return err
}

// Write writes all items at once, and reads them back.
func (Newer) Write(ctx context.Context, j *Job, items []*Item) error {
	return apply(ctx, j, items, true)
}

func apply(ctx context.Context, j *Job, items []*Item, ifNewer bool) error {
	by := driver.ByOf(ctx)
	writes := make([]checkpoint.Write, len(items))
	for n, i := range items {
		writes[n] = checkpoint.Write{Key: i.From.Key, Mark: i.From.Checkpoint.Mark, TTL: i.ttl(), IfNewer: ifNewer, By: &by}
	}
	outcomes, err := j.To.Apply(ctx, writes...)
	for n, o := range outcomes {
		items[n].Outcome = o
	}
	if err != nil {
		return err
	}
	return j.verify(ctx, items)
}

// ttl is what is left of the TTL. It is computed as late as the write.
func (i *Item) ttl() time.Duration {
	if end := i.From.Checkpoint.ExpiresAt; !end.IsZero() {
		return max(time.Until(end), time.Millisecond)
	}
	return 0
}
