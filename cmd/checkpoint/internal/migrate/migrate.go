// Package migrate brings checkpoints into today's layout. It rewrites older ones in
// place, and copies those of other stores or prefixes.
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
	Same    int // that are already in today's layout, or at the destination
	Newer   int // that stay because a newer position is stored
	Fenced  int // that stay because a higher epoch was seen
	Damaged int // that are reported and left alone
}

// A SourceError is an error of the source, or about a checkpoint in it. All other errors
// are the destination's.
type SourceError struct{ Err error }

func (e *SourceError) Error() string { return e.Err.Error() }

func (e *SourceError) Unwrap() error { return e.Err }

// ofSource marks an error of the source, if there is one.
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

	// Convert brings keys of To into today's layout, and keeps the positions that they
	// have then. Nil: To has no older layout.
	Convert func(ctx context.Context, keys []string) ([]redisstore.Conversion, error)

	// Cutover is the owner of the leases that lock the consumers of From out of the
	// keys that are copied. Empty: they are not locked out.
	Cutover string

	Changes  func(checkpoint.Checkpoint)    // told of each that is, or would be, written
	Damage   func(key string, reason error) // told of each damaged one
	Unfenced func(key string)               // told of each whose consumer Cutover cannot stop
	Progress func(Report)
}

// Run migrates. A conversion in place keeps the position that is stored then. A copy is
// written only if it is newer: a consumer that has moved on meanwhile is not set back.
// A second run changes nothing.
func (m Migration) Run(ctx context.Context) (Report, error) {
	var r Report
	source := m.From
	if source == nil {
		source = m.To
	}
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
	for c, err := range transfer.Walk(ctx, source, m.Pattern) {
		switch {
		case err != nil && c.Key == "":
			return r, m.ofSource(err)
		case err != nil:
			m.damage(&r, c.Key, m.ofSource(err))
		case m.From == nil && (m.Convert == nil || !c.UpdatedAt.IsZero()):
			r.Same++
		default:
			todo = m.unlessLocked(todo, c, &r)
		}
		if looked++; looked%batchSize == 0 { // not later: the checkpoints that were read must not grow old
			if err := flush(); err != nil {
				return r, err
			}
		}
	}
	return r, flush()
}

const batchSize = 500

// unlessLocked appends c to todo. A copy of a checkpoint with the largest epoch would lock
// its key, so it reports that one.
func (m Migration) unlessLocked(todo []checkpoint.Checkpoint, c checkpoint.Checkpoint, r *Report) []checkpoint.Checkpoint {
	if err := transfer.CheckEpoch("the epoch", c.Epoch); err != nil && m.From != nil {
		m.damage(r, c.Key, m.ofSource(err))
		return todo
	}
	return append(todo, c)
}

func (m Migration) damage(r *Report, key string, reason error) {
	r.Damaged++
	m.Damage(key, reason)
}

func (m Migration) migrate(ctx context.Context, todo []checkpoint.Checkpoint, r *Report) error {
	if len(todo) == 0 {
		return nil
	}
	var err error
	if m.From != nil {
		if m.Apply && m.Cutover != "" {
			if todo, err = m.cutover(ctx, todo, r); err != nil {
				return err
			}
		}
		if todo, err = m.compare(ctx, todo, r); err != nil {
			return err
		}
	}
	switch {
	case !m.Apply:
		for _, c := range todo {
			r.Changed++
			m.Changes(c)
		}
		return nil
	case m.From == nil:
		return m.convert(ctx, todo, r)
	}
	return m.write(ctx, todo, r)
}

func keysOf(all []checkpoint.Checkpoint) []string {
	keys := make([]string, len(all))
	for i, c := range all {
		keys[i] = c.Key
	}
	return keys
}

// compare looks at the destination, and returns what is to be written there.
func (m Migration) compare(ctx context.Context, todo []checkpoint.Checkpoint, r *Report) ([]checkpoint.Checkpoint, error) {
	there, damaged, err := m.there(ctx, todo)
	if err != nil {
		return nil, err
	}
	var left []checkpoint.Checkpoint
	for _, c := range todo {
		stored, ok := there[c.Key]
		order := stored.Position.Compare(c.Position)
		fences := c.Epoch > stored.Epoch // a write raises the fence even if it is stale
		switch reason := damaged[c.Key]; {
		case reason != nil:
			m.damage(r, c.Key, reason)
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

// there reads the checkpoints of the destination at the keys of todo. For a damaged one
// it returns the reason.
func (m Migration) there(
	ctx context.Context, todo []checkpoint.Checkpoint,
) (found map[string]checkpoint.Checkpoint, damaged map[string]error, err error) {
	keys := keysOf(todo)
	found, err = m.To.GetMany(ctx, keys...)
	if err == nil || found == nil {
		return found, nil, err
	}
	// The error concerns some of the keys: ask for each that was not found.
	damaged = make(map[string]error)
	for _, key := range keys {
		if _, ok := found[key]; ok {
			continue
		}
		c, err := m.To.Get(ctx, key)
		switch {
		case err == nil:
			found[key] = c
		case errors.Is(err, checkpoint.ErrCorrupt):
			damaged[key] = transfer.Reason(err)
		case !errors.Is(err, checkpoint.ErrNotFound):
			return nil, nil, err
		}
	}
	return found, damaged, nil
}

func (m Migration) write(ctx context.Context, todo []checkpoint.Checkpoint, r *Report) error {
	var writes []checkpoint.Write
	var written []checkpoint.Checkpoint
	for _, c := range todo {
		w, lives := transfer.WriteOf(c)
		if !lives {
			continue
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
