package contention

import (
	"context"
	"iter"
	"strconv"

	"github.com/checkpointstore/checkpoint"
)

// An event of the log is its number. The log begins with 1 and never ends.
type event uint64

// base is above 2^53, so that a position that went through a double is not one
// of the log.
const base = 1 << 60

func (n event) position() checkpoint.Position {
	return checkpoint.Position{Commit: base + uint64(n), Prepare: uint64(n)}
}

// orderingKeys is how many ordering keys there are.
const orderingKeys = 16

// orderingKey is scattered, so that neighbours have different keys.
func (n event) orderingKey() string {
	return strconv.FormatUint(uint64(n)*0x9e3779b97f4a7c15>>32%orderingKeys, 10)
}

// eventAt is the event at p, or zero for the zero position, which is before the
// log. It is false if nothing of the log stands.
func eventAt(p checkpoint.Position) (event, bool) {
	if p == (checkpoint.Position{}) {
		return 0, true
	}
	n := event(p.Prepare)
	return n, n > 0 && n.position() == p
}

// eventsAfter reads the log from after the event n until ctx ends, which is its
// error then.
func eventsAfter(ctx context.Context, n event) iter.Seq2[event, error] {
	return func(yield func(event, error) bool) {
		for ctx.Err() == nil {
			n++
			if !yield(n, nil) {
				return
			}
		}
		yield(0, context.Cause(ctx))
	}
}
