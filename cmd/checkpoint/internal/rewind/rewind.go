// Package rewind plans rewinds of one or many keys, and makes them.
package rewind

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/transfer"
)

// A Step is what a rewind does to one key, or would do.
type Step struct {
	Before checkpoint.Cell // what the key held when the step was planned
	Goal
	Err error // why the key stays where it is; Goal then has no meaning
}

// StepOf plans the rewind of one key. A damaged checkpoint is replaced if the target needs
// no position to start from.
func StepOf(cell checkpoint.Cell, target Target) Step {
	s := Step{Before: cell}
	if s.Goal, s.Err = target(cell); s.Err == nil {
		cell.Checkpoint.Err = nil
		s.Err = transfer.Unusable(cell)
	}
	return s
}

// Plan plans the rewind of each key that matches pattern and has a checkpoint, and returns
// the steps in the order of the keys. What is damaged stays as it is.
func Plan(ctx context.Context, store *checkpoint.Store, pattern string, target Target) ([]Step, error) {
	var steps []Step
	for cell, err := range transfer.Cells(ctx, store, pattern) {
		if err != nil {
			return nil, err
		}
		if !cell.Checkpoint.Exists {
			continue
		}
		s := Step{Before: cell, Err: transfer.Unusable(cell)}
		if s.Err == nil {
			s = StepOf(cell, target)
		}
		if errors.Is(s.Err, checkpoint.ErrCorrupt) {
			s.Err = transfer.Reason(s.Err)
		}
		if errors.As(s.Err, new(*checkpoint.Error)) { // not about the key: a call has failed
			return nil, s.Err
		}
		steps = append(steps, s)
	}
	slices.SortFunc(steps, func(a, b Step) int { return strings.Compare(a.Before.Key, b.Before.Key) })
	return steps, nil
}

// sound reports whether the key stood at a position that is known.
func (s Step) sound() bool { return s.Before.Checkpoint.Exists && s.Before.Checkpoint.Err == nil }

// Stays reports whether the key stands at its target already.
func (s Step) Stays() bool { return s.sound() && s.Position == s.Before.Checkpoint.Position }

// Skips reports whether the target is ahead: nobody will do the events between.
func (s Step) Skips() bool { return s.sound() && s.Position.Compare(s.Before.Checkpoint.Position) > 0 }

// Effect says what the consumer does once it starts from the target.
func (s Step) Effect() string {
	from := s.Before.Checkpoint.Position
	switch {
	case !s.Before.Checkpoint.Exists:
		return "creates"
	case !s.sound():
		return "repairs"
	case s.Stays():
		return "stays"
	case s.Skips():
		return strings.TrimSpace("SKIPS " + between(from, s.Position))
	}
	return strings.TrimSpace("redoes " + between(s.Position, from))
}

// between is the distance of two positions, or "" if they do not count events.
func between(from, to checkpoint.Position) string {
	if !single(from) || !single(to) {
		return ""
	}
	return grouped(to.Commit - from.Commit)
}

// grouped writes a number with a comma after each thousand.
func grouped(n uint64) string {
	s := strconv.FormatUint(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// AsPlanned returns the options of a rewind that must find the key's fence as it was
// planned. If somebody has taken the lease over or rewound the key since, the rewind is
// fenced. A write cannot compare with a fence that is missing. So if the key had none,
// AsPlanned looks again, and itself fails with checkpoint.ErrFenced if there is one now.
func (s Step) AsPlanned(ctx context.Context, store *checkpoint.Store) ([]checkpoint.WriteOption, error) {
	if epoch := s.Before.Fence.Epoch; epoch != 0 {
		return []checkpoint.WriteOption{checkpoint.Epoch(epoch)}, nil
	}
	switch now, err := Before(ctx, store, s.Before.Key); {
	case err != nil:
		return nil, err
	case now.Fence.Epoch != 0:
		return nil, &checkpoint.Error{Op: "rewind", Key: s.Before.Key, Err: checkpoint.ErrFenced}
	}
	return nil, nil
}
