package subscription

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/checkpointstore/checkpoint"
)

// ErrTrimmed says that the checkpoint is before the first event of the log, which
// Options.Tail returns: events that were not processed are gone.
var ErrTrimmed = errors.New("the log was trimmed past the checkpoint")

// beforeTail returns the position before the log's first event, or the zero Position if
// nobody can tell.
func (s *Subscription) beforeTail(ctx context.Context) (checkpoint.Position, error) {
	if s.opts.Tail == nil {
		return checkpoint.Position{}, nil
	}
	tail, err := s.opts.Tail(ctx)
	if err != nil {
		return tail, fmt.Errorf("subscription %q: cannot get the log's tail: %w", s.key, err)
	}
	return before(tail), nil
}

// before returns the position before p. In a log with one number, commit and prepare are
// both n, and so both become n-1.
func before(p checkpoint.Position) checkpoint.Position {
	switch {
	case p.Commit == p.Prepare:
		n := max(p.Commit, 1) - 1
		return checkpoint.Position{Commit: n, Prepare: n}
	case p.Prepare > 0:
		return checkpoint.Position{Commit: p.Commit, Prepare: p.Prepare - 1}
	}
	return checkpoint.Position{Commit: p.Commit - 1, Prepare: math.MaxUint64}
}

// afterTrim returns where a consumer with a checkpoint at p goes on.
func (s *Subscription) afterTrim(ctx context.Context, p checkpoint.Position) (checkpoint.Position, error) {
	begins, err := s.beforeTail(ctx)
	if err != nil || p.Compare(begins) >= 0 {
		return p, err
	}
	if !s.opts.AcceptTrimmed {
		return p, fmt.Errorf("subscription %q: %w: the checkpoint is at %s, and the log begins after %s: "+
			"restore the log, or set Options.AcceptTrimmed to go on without the events in between",
			s.key, ErrTrimmed, p, begins)
	}
	s.log.Warn("the log was trimmed past the checkpoint, and the events in between are skipped",
		"checkpoint", p.String(), "begins", begins.String())
	return begins, nil
}
