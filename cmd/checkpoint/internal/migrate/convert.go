package migrate

import (
	"context"
	"errors"

	"github.com/checkpointstore/checkpoint"
)

// convert is told by each conversion where the checkpoint stands: todo was read
// before, and somebody may have changed it since.
func (m Migration) convert(ctx context.Context, todo []checkpoint.Checkpoint, r *Report) error {
	done, err := m.Convert(ctx, keysOf(todo))
	if err != nil {
		return err
	}
	for i, c := range done {
		switch {
		case errors.Is(c.Err, checkpoint.ErrNotFound):
		case errors.Is(c.Err, checkpoint.ErrCorrupt):
			m.damage(r, todo[i].Key, c.Err)
		case c.Err != nil:
			return &checkpoint.Error{Op: "migrate", Key: todo[i].Key, Err: c.Err}
		case c.Done:
			r.Changed++
			todo[i].Position = c.Position
			m.Changes(todo[i])
		default:
			r.Same++
		}
	}
	return nil
}
