package groups

import (
	"context"
	"fmt"
	"iter"
	"strconv"
	"time"

	"github.com/checkpointstore/checkpoint"
)

// An event of a partition's log is its number. The log begins with 1.
type event uint64

func (n event) position() checkpoint.Position {
	return checkpoint.Position{Commit: uint64(n), Prepare: uint64(n)}
}

// eventAt is the event at p, or zero for the zero position, which is before the log.
func eventAt(p checkpoint.Position) (event, error) {
	if n := event(p.Commit); n.position() == p {
		return n, nil
	}
	return 0, fmt.Errorf("%s is no position of a log", p)
}

// A log says when the events of every partition appear: one after another.
type log struct {
	Began instant
	Every time.Duration
}

// after reads a partition from after the event n until ctx ends.
func (l log) after(ctx context.Context, n event) iter.Seq2[event, error] {
	return func(yield func(event, error) bool) {
		for {
			n++
			if !pause(ctx, l.Began.add(time.Duration(n)*l.Every).since(now())) {
				yield(0, context.Cause(ctx))
				return
			}
			if !yield(n, nil) {
				return
			}
		}
	}
}

// pause reports whether ctx has let it wait.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

// partitions returns the names of the first n.
func partitions(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = strconv.Itoa(i)
	}
	return names
}
