// Package migrate brings the checkpoints of a store into today's layout.
package migrate

import (
	"context"
	"errors"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/transfer"
	"github.com/checkpointstore/checkpoint/redisstore"
)

// A Report says what was, or would be, done.
type Report struct {
	Changed int // checkpoints that were, or would be, written
	Same    int // that are in today's layout already
	Damaged int // that are reported and left alone
}

// A Migration is what to do.
type Migration struct {
	Store   *checkpoint.Store
	Pattern string
	Apply   bool // false: only report

	// Convert brings keys of Store into today's layout, and keeps the positions that they
	// have then. Nil: Store has no older layout.
	Convert func(ctx context.Context, keys []string) ([]redisstore.Conversion, error)

	Changes  func(checkpoint.Checkpoint)    // told of each that is, or would be, written
	Damage   func(key string, reason error) // told of each damaged one
	Progress func(Report)
}

const batchSize = 500

// Run migrates. A conversion keeps the position that is stored then. A second run changes
// nothing.
func (m Migration) Run(ctx context.Context) (Report, error) {
	var r Report
	var todo []checkpoint.Checkpoint
	flush := func() error {
		err := m.migrate(ctx, todo, &r)
		todo = todo[:0]
		if err == nil && m.Progress != nil {
			m.Progress(r)
		}
		return err
	}
	looked := 0
	for c, err := range transfer.Walk(ctx, m.Store, m.Pattern) {
		switch {
		case err != nil && c.Key == "":
			return r, err
		case err != nil:
			m.damage(&r, c.Key, err)
		case m.Convert == nil || !c.UpdatedAt.IsZero():
			r.Same++
		default:
			todo = append(todo, c)
		}
		if looked++; looked%batchSize == 0 {
			if err := flush(); err != nil {
				return r, err
			}
		}
	}
	return r, flush()
}

func (m Migration) damage(r *Report, key string, reason error) {
	r.Damaged++
	m.Damage(key, reason)
}

// migrate converts the checkpoints of todo. It reports the position that each conversion
// returns, since somebody may have changed the checkpoint after it was read.
func (m Migration) migrate(ctx context.Context, todo []checkpoint.Checkpoint, r *Report) error {
	if !m.Apply {
		for _, c := range todo {
			r.Changed++
			m.Changes(c)
		}
		return nil
	}
	if len(todo) == 0 {
		return nil
	}
	keys := make([]string, len(todo))
	for i := range todo {
		keys[i] = todo[i].Key
	}
	done, err := m.Convert(ctx, keys)
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
