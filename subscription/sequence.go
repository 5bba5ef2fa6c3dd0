package subscription

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/checkpointstore/checkpoint"
)

// A Sequence reads events that get their number before they are committed, for instance
// from a table whose ids come from a database sequence. A plain reader can see event 4
// before event 3, and would never read 3. The Sequence holds the events after a gap
// until the gap fills, or is so old that its transaction must have been rolled back.
// The database must give out numbers in ascending order: set CACHE 1 for a Postgres
// sequence.
type Sequence[E any] struct {
	// Read returns the first events after a position, in ascending order, and no more
	// than fit in memory. The Sequence reads again the events that it held.
	Read func(ctx context.Context, after checkpoint.Position) ([]E, error)

	// Position returns the position of an event: {n, n} for number n, or
	// checkpoint.Offset(n) if the first number is 0.
	Position func(E) checkpoint.Position

	// GapTimeout is how old a gap must be before the Sequence yields the events after
	// it. It must be longer than the longest transaction that writes events: the
	// Sequence skips an event that commits later. Zero: 1 minute.
	GapTimeout time.Duration

	// Poll is the pause after a read that brought nothing to handle. Zero: 1 second.
	Poll time.Duration
}

// After yields the events after p, and then new events, until ctx ends or Read fails.
// Pass After to [Consume] as its events.
func (q Sequence[E]) After(ctx context.Context, p checkpoint.Position) iter.Seq2[E, error] {
	return func(yield func(E, error) bool) {
		var none E
		if err := q.check(); err != nil {
			yield(none, err)
			return
		}
		for held := (gaps{last: p}); ctx.Err() == nil; {
			asked := time.Now()
			events, err := q.Read(ctx, held.last)
			if err != nil {
				yield(none, err)
				return
			}
			ready := held.pass(q.positions(events), asked.Add(-cmp.Or(q.GapTimeout, time.Minute)))
			for _, e := range events[:ready] {
				if !yield(e, nil) {
					return
				}
			}
			if ready == 0 {
				pause(ctx, cmp.Or(q.Poll, time.Second))
			}
		}
	}
}

func (q Sequence[E]) check() error {
	switch {
	case q.Read == nil || q.Position == nil:
		return errors.New("subscription: Sequence needs Read and Position")
	case q.GapTimeout < 0 || q.Poll < 0:
		return fmt.Errorf("subscription: GapTimeout is %v and Poll %v, they must not be negative", q.GapTimeout, q.Poll)
	}
	return nil
}

func (q Sequence[E]) positions(events []E) []checkpoint.Position {
	positions := make([]checkpoint.Position, len(events))
	for i, e := range events {
		positions[i] = q.Position(e)
	}
	return positions
}

// gaps knows the events that are held behind a gap.
type gaps struct {
	last checkpoint.Position               // that was passed
	seen map[checkpoint.Position]time.Time // when each that is held was first read
}

// pass passes the positions that have no gap before them, and returns how many there
// are. A gap that was first seen at limit or before does not count.
func (g *gaps) pass(read []checkpoint.Position, limit time.Time) int {
	since := g.since(read)
	for i, p := range read {
		// A gap is as old as the first sight of any event behind it.
		if p.Commit > g.last.Commit+1 && since[i].After(limit) {
			return i
		}
		g.last = p
		delete(g.seen, p)
	}
	return len(read)
}

// since returns for each position when it, or a position after it, was first read.
func (g *gaps) since(read []checkpoint.Position) []time.Time {
	now := time.Now()
	seen, since := make(map[checkpoint.Position]time.Time, len(read)), make([]time.Time, len(read))
	oldest := now
	for i := len(read) - 1; i >= 0; i-- {
		at, held := g.seen[read[i]]
		if !held {
			at = now
		}
		if seen[read[i]] = at; at.Before(oldest) {
			oldest = at
		}
		since[i] = oldest
	}
	g.seen = seen
	return since
}
