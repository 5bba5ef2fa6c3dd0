package subscription

import (
	"context"
	"errors"
	"fmt"

	"github.com/checkpointstore/checkpoint"
)

// Resume returns the position of the last event that was processed. Read the events
// after it. For Kafka, seek to its commit if positions come from checkpoint.Offset; for
// KurrentDB, pass it as From. Resume returns false if the position is the zero Position,
// as in a first run from the start: then begin at the start of the log. For KurrentDB,
// pass Start: a nil From means the end.
func (s *Subscription) Resume() (checkpoint.Position, bool) {
	return s.start, s.start != checkpoint.Position{}
}

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
	goesOn, err := s.afterTrim(ctx, cp.Position)
	if err != nil {
		return err
	}
	if goesOn != cp.Position {
		return s.beginAfter(ctx, goesOn)
	}
	adopts := cp.LogID != s.opts.LogID && s.opts.LogID != ""
	s.flusher.again = adopts || s.opts.TTL > 0 || !cp.ExpiresAt.IsZero()
	return s.resumeAt(cp.Position)
}

// begin does what Options.Missing says. It stores at once the position at which the run
// begins, so that a run that sees no event leaves a checkpoint, too.
func (s *Subscription) begin(ctx context.Context, missing error) (err error) {
	var first checkpoint.Position
	switch s.opts.Missing {
	case FromStart:
		first, err = s.beforeTail(ctx)
	case FromHead:
		first, err = s.head(ctx)
	default:
		return fmt.Errorf("subscription %q: %w: if this is the first run, set Options.Missing to FromStart or FromHead: %w",
			s.key, ErrNoCheckpoint, missing)
	}
	if err != nil {
		return err
	}
	return s.beginAfter(ctx, first)
}

func (s *Subscription) beginAfter(ctx context.Context, p checkpoint.Position) error {
	return errors.Join(s.resumeAt(p), s.write(ctx, p))
}

func (s *Subscription) resumeAt(p checkpoint.Position) error {
	s.start = p
	return s.work.resumeAt(p)
}
