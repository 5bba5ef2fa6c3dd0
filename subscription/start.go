package subscription

import (
	"context"
	"errors"
	"fmt"

	"github.com/checkpointstore/checkpoint"
)

// A start is where a Subscription resumes. It is known unless the log is read from
// its own start.
type start struct {
	after checkpoint.Position
	known bool
}

// Resume returns the position of the last event that was processed, which is
// what KurrentDB's From takes. It is false where there was no checkpoint: then
// begin at the start of the log. For KurrentDB that is Start: a nil From is the
// end.
func (s *Subscription) Resume() (checkpoint.Position, bool) { return s.start.after, s.start.known }

func (s *Subscription) load(ctx context.Context) error {
	cp, err := s.store.Get(ctx, s.key)
	if errors.Is(err, checkpoint.ErrNotFound) {
		return s.begin(ctx, err)
	}
	if err == nil {
		err = s.guard(ctx, cp)
	}
	if err != nil {
		return err
	}
	s.flusher.stats.Stored, s.flusher.stats.StoredAt = cp.Position, cp.UpdatedAt
	adopts := cp.LogID != s.opts.LogID && s.opts.LogID != ""
	s.flusher.again = adopts || s.opts.TTL > 0 || !cp.ExpiresAt.IsZero()
	return s.resumeAt(cp.Position)
}

// begin does what Options.Missing says.
func (s *Subscription) begin(ctx context.Context, missing error) error {
	switch s.opts.Missing {
	case FromStart:
		return nil
	case FromHead:
		head, err := s.head(ctx)
		if err != nil {
			return err
		}
		return errors.Join(s.resumeAt(head), s.write(ctx, head))
	}
	return fmt.Errorf("subscription %q: %w: if this is its first run, say with Options.Missing where it begins: %w",
		s.key, ErrNoCheckpoint, missing)
}

func (s *Subscription) resumeAt(p checkpoint.Position) error {
	s.start = start{after: p, known: true}
	return s.work.resumeAt(p)
}
