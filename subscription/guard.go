package subscription

import (
	"context"
	"errors"
	"fmt"

	"github.com/checkpointstore/checkpoint"
)

// The errors of Open if the checkpoint and the log do not belong together.
var (
	// ErrOtherLog says that the checkpoint was stored for a log with another LogID than
	// Options.LogID.
	ErrOtherLog = errors.New("the checkpoint is of another log")

	// ErrBeyondHead says that the checkpoint is beyond the position that Options.Head
	// returns: the log has lost its end, or is another log.
	ErrBeyondHead = errors.New("the checkpoint is beyond the log's head")
)

// guard checks that a stored checkpoint belongs to the log that the caller reads. It
// asks for the head after it has read the checkpoint. The head only grows, so a position
// that another instance stored before is not beyond it.
func (s *Subscription) guard(ctx context.Context, cp checkpoint.Checkpoint) error {
	const remedy = "if the log was replaced or restored on purpose, rewind the checkpoint to the position where this consumer begins in the new log, with the LogID of the new log, or delete the checkpoint"
	if s.opts.LogID != "" && cp.LogID != "" && cp.LogID != s.opts.LogID {
		return fmt.Errorf("subscription %q: %w: the checkpoint is at %s of log %q, and this log is %q: %s",
			s.key, ErrOtherLog, cp.Position, cp.LogID, s.opts.LogID, remedy)
	}
	if s.opts.Head == nil {
		return nil
	}
	head, err := s.head(ctx)
	if err != nil {
		return err
	}
	if cp.Position.Compare(head) > 0 {
		return fmt.Errorf("subscription %q: %w: the checkpoint is at %s, the head at %s: %s",
			s.key, ErrBeyondHead, cp.Position, head, remedy)
	}
	return nil
}

func (s *Subscription) head(ctx context.Context) (checkpoint.Position, error) {
	head, err := s.opts.Head(ctx)
	if err != nil {
		return head, fmt.Errorf("subscription %q: cannot get the log's head: %w", s.key, err)
	}
	return head, nil
}

// Lag returns the log's head minus the stored position, in the unit of the log's commit
// positions: bytes in KurrentDB, milliseconds in a Redis Stream, records in a Kafka
// partition. If Lag is zero, at most one commit is left. Lag needs Options.Head, and
// returns the error of Head.
func (s *Subscription) Lag(ctx context.Context) (uint64, error) {
	if s.opts.Head == nil {
		return 0, errors.New("subscription: Lag needs Options.Head")
	}
	stored := s.Stats().Stored
	head, err := s.head(ctx)
	if err != nil {
		return 0, err
	}
	behind := lag(head, stored)
	each(s.hooks.lag, func(o LagObserver) { o.LagRead(s.key, behind) })
	return behind, nil
}

func lag(head, p checkpoint.Position) uint64 {
	if head.Compare(p) <= 0 {
		return 0
	}
	return head.Commit - p.Commit
}
