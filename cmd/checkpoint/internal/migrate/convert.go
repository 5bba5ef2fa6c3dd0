package migrate

import (
	"context"
	"errors"

	"github.com/checkpointstore/checkpoint"
)

// convert converts the checkpoints of todo in place. It reports the position that each
// conversion returns, since somebody may have changed the checkpoint after it was read.
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
