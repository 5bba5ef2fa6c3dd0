// Package migrate brings checkpoints into today's layout: older ones where
// they stand, and those of other stores or prefixes by copying.
package migrate

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/transfer"
)

// A Report says what was, or would be, done.
type Report struct {
	Changed int // checkpoints that were, or would be, written
	Same    int // that are in today's layout, or at the destination, already
	Newer   int // that stay because a newer position is stored
	Fenced  int // that stay because a higher epoch was seen
	Damaged int // that are reported and left alone
}

// A SourceError is an error of the store that is copied from, or about what is
// in it. Others are the destination's.
type SourceError struct{ Err error }

func (e *SourceError) Error() string { return e.Err.Error() }

func (e *SourceError) Unwrap() error { return e.Err }

// ofSource marks an error of the store that is walked.
func (m Migration) ofSource(err error) error {
	if m.From == nil {
		return err
	}
	return &SourceError{err}
}

// A Migration is what to do.
type Migration struct {
	From    *checkpoint.Store // nil: in place
	To      *checkpoint.Store
	Pattern string
	Apply   bool // false: only report

	Changes  func(checkpoint.Checkpoint)    // told of each that is, or would be, written
	Damage   func(key string, reason error) // told of each damaged one
	Progress func(Report)
}

// Run does it. Everything it writes, it writes with SetIfNewer: a consumer
// that has moved on meanwhile is not set back, and a second run changes nothing.
func (m Migration) Run(ctx context.Context) (Report, error) {
	var r Report
	source := m.From
	if source == nil {
		source = m.To
	}
	for batch, err := range batches(transfer.Walk(ctx, source, m.Pattern)) {
		if err != nil {
			return r, m.ofSource(err)
		}
		if err := m.migrate(ctx, batch, &r); err != nil {
			return r, err
		}
		if m.Progress != nil {
			m.Progress(r)
		}
	}
	return r, nil
}

const batchSize = 500

func batches(walk iter.Seq2[transfer.Found, error]) iter.Seq2[[]transfer.Found, error] {
	return func(yield func([]transfer.Found, error) bool) {
		var batch []transfer.Found
		for f, err := range walk {
			if err != nil {
				yield(nil, err)
				return
			}
			if batch = append(batch, f); len(batch) == batchSize {
				if !yield(batch, nil) {
					return
				}
				batch = nil
			}
		}
		if len(batch) > 0 {
			yield(batch, nil)
		}
	}
}

func (m Migration) migrate(ctx context.Context, batch []transfer.Found, r *Report) error {
	var todo []checkpoint.Checkpoint
	for _, f := range batch {
		switch {
		case f.Err != nil:
			r.Damaged++
			m.Damage(f.Key, m.ofSource(f.Err))
		case m.From == nil && !f.UpdatedAt.IsZero():
			r.Same++
		default:
			todo = append(todo, f.Checkpoint)
		}
	}
	if len(todo) == 0 {
		return nil
	}
	if m.From != nil {
		var err error
		if todo, err = m.compare(ctx, todo, r); err != nil {
			return err
		}
	}
	if m.Apply {
		return m.write(ctx, todo, r)
	}
	for _, c := range todo {
		r.Changed++
		m.Changes(c)
	}
	return nil
}

// compare looks at the destination, and returns what is to be written there.
func (m Migration) compare(ctx context.Context, todo []checkpoint.Checkpoint, r *Report) ([]checkpoint.Checkpoint, error) {
	keys := make([]string, len(todo))
	for i, c := range todo {
		keys[i] = c.Key
	}
	there, err := m.To.GetMany(ctx, keys...)
	if there == nil && err != nil {
		return nil, err
	}
	var left []checkpoint.Checkpoint
	for _, c := range todo {
		stored, ok := there[c.Key]
		if !ok && err != nil {
			// Some key has an error of its own. Is it this one?
			if _, err := m.To.Get(ctx, c.Key); errors.Is(err, checkpoint.ErrCorrupt) {
				r.Damaged++
				m.Damage(c.Key, err)
				continue
			} else if err != nil && !errors.Is(err, checkpoint.ErrNotFound) {
				return nil, err
			}
		}
		order := stored.Position.Compare(c.Position)
		fences := c.Epoch > stored.Epoch // a write raises the fence even if it is stale
		switch {
		case !ok || order < 0 || order == 0 && fences || order > 0 && fences && m.Apply:
			left = append(left, c)
		case order == 0:
			r.Same++
		default:
			r.Newer++
		}
	}
	return left, nil
}

func (m Migration) write(ctx context.Context, todo []checkpoint.Checkpoint, r *Report) error {
	var writes []checkpoint.Write
	var written []checkpoint.Checkpoint
	for _, c := range todo {
		w := checkpoint.Write{Key: c.Key, Mark: c.Mark, IfNewer: true}
		if !c.ExpiresAt.IsZero() {
			if w.TTL = time.Until(c.ExpiresAt); w.TTL <= 0 {
				continue // gone
			}
		}
		writes, written = append(writes, w), append(written, c)
	}
	outcomes, err := m.To.Apply(ctx, writes...)
	for i, o := range outcomes {
		switch o {
		case checkpoint.Advanced, checkpoint.Unchanged:
			r.Changed++
			m.Changes(written[i])
		case checkpoint.Stale:
			r.Newer++
		case checkpoint.Fenced:
			r.Fenced++
		case checkpoint.Unknown, checkpoint.Failed:
		}
	}
	return err
}
