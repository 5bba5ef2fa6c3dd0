package rewind

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
)

// A point is a time at which it is known where a key stood.
type point struct {
	at       time.Time
	position *checkpoint.Position // nil: there was no checkpoint
	what     string               // which kept it
}

// At is where each key stood at the time t, as far as the store knows: at the last sample,
// audit entry or write at or before t. From there, work is done again, and none is skipped. If
// a key stands before that place, it stays.
func At(ctx context.Context, store *checkpoint.Store, t time.Time) Target {
	return func(before checkpoint.Cell) (Goal, error) {
		points, err := known(ctx, store, before)
		if err != nil {
			return Goal{}, err
		}
		i := slices.IndexFunc(points, func(p point) bool { return !p.at.After(t) })
		if i < 0 {
			return Goal{}, unknownAt(points, t)
		}
		p, stored := points[i], before.Checkpoint
		switch {
		case p.position == nil:
			return Goal{}, fmt.Errorf("it had no checkpoint at %s: the %s of %s had removed it; --start does everything again",
				instant(t), p.what, instant(p.at))
		case stored.Exists && stored.Err == nil && stored.Position.Compare(*p.position) < 0:
			return Goal{}, fmt.Errorf("it stood at %s, which is ahead of %s, where it is now: to go there would skip events; "+
				"name the position to do so", *p.position, stored.Position)
		}
		return Goal{Position: *p.position, KnownAt: p.at}, nil
	}
}

// known returns what the store knows of where the key of a cell has stood, the latest first.
// Of two points of one time, the lower position is first.
func known(ctx context.Context, store *checkpoint.Store, cell checkpoint.Cell) ([]point, error) {
	var points []point
	samples, err := store.Samples(ctx, cell.Key)
	if err != nil && !errors.Is(err, checkpoint.ErrUnsupported) {
		return nil, err
	}
	entries, err := store.History(ctx, cell.Key, driver.AuditEntries)
	if err != nil && !errors.Is(err, checkpoint.ErrUnsupported) {
		return nil, err
	}
	for _, s := range samples {
		if !Brought(entries, s.Position, s.At) {
			points = append(points, point{s.At, &s.Position, "sample"})
		}
	}
	for _, e := range entries {
		points = append(points, point{e.At, e.New, e.Op})
	}
	c := cell.Checkpoint
	if c.Exists && c.Err == nil && !c.UpdatedAt.IsZero() && !Brought(entries, c.Position, c.UpdatedAt) {
		points = append(points, point{c.UpdatedAt, &c.Position, "write"})
	}
	slices.SortStableFunc(points, latestFirst)
	return points, nil
}

func latestFirst(a, b point) int {
	switch {
	case !a.at.Equal(b.at):
		return b.at.Compare(a.at)
	case a.position == nil || b.position == nil:
		return 0
	}
	return a.position.Compare(*b.position)
}

// Brought reports whether a write by hand has brought the key to p after the time at, which is
// stored with p. An import and a copy keep the time of what they read, when the key itself may
// have stood elsewhere. If it is new with that write, nothing speaks against the time.
func Brought(entries []checkpoint.AuditEntry, p checkpoint.Position, at time.Time) bool {
	for i, e := range entries {
		switch {
		case e.New == nil || *e.New != p || !e.At.After(at):
		case e.Op == driver.AuditFence || e.Op == driver.AuditRevoke || e.Op == driver.AuditTakeOver: // no writes
		case e.Old == nil && i == len(entries)-1:
		default:
			return true
		}
	}
	return false
}

func unknownAt(points []point, t time.Time) error {
	for _, p := range slices.Backward(points) {
		if p.position != nil {
			return fmt.Errorf("nothing is known of it at or before %s: the oldest that is known is %s at %s; "+
				"--to %[3]s goes there, and --start does everything again", instant(t), *p.position, instant(p.at))
		}
	}
	return fmt.Errorf("nothing is known of where it stood at %s; --start does everything again", instant(t))
}

func instant(t time.Time) string { return t.UTC().Format(driver.TimeLayout) }
