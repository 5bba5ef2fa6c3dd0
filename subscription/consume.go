package subscription

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/checkpointstore/checkpoint"
)

// Consume calls Open, Run and Close, and joins their errors. Events returns the events
// after a position in the order of the log; [Run] reads them. After the zero Position,
// events begins at the start of the log.
//
// When ctx ends, even while a standby waits for the lease, Consume stores what is done
// and returns nil. If the store does not answer, Consume goes on for 2 *
// Options.FlushTimeout and a few seconds at most after the end of Run, and returns the
// error.
func Consume[E any](
	ctx context.Context, store *checkpoint.Store, key string, opts *Options,
	events func(ctx context.Context, after checkpoint.Position) iter.Seq2[E, error], h Handler[E],
) (err error) {
	s, err := Open(ctx, store, key, opts)
	if err != nil {
		return notOf(err, context.Cause(ctx), ctx.Err())
	}
	defer func() {
		// Close waits for a renewal that hangs for as long as its context lasts.
		limit := 2*min(s.opts.FlushTimeout, 1000*time.Hour) + 2*releasePatience
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
		defer cancel()
		err = errors.Join(err, s.Close(ctx))
	}()
	after, _ := s.Resume()
	return Run(ctx, s, func(ctx context.Context) iter.Seq2[E, error] { return events(ctx, after) }, h)
}

// Backoff returns a function for Handler.Retry that allows up to the given number of
// attempts. It waits for first before the second attempt, and twice as long before each
// next attempt, but never longer than most.
func Backoff(first, most time.Duration, attempts int) func(attempt int, err error) (time.Duration, bool) {
	return func(attempt int, _ error) (time.Duration, bool) {
		wait := min(first, most)
		for n := 1; n < attempt && 0 < wait && wait < most; n++ {
			if wait > most/2 {
				wait = most // to double it could overflow
			} else {
				wait *= 2
			}
		}
		return wait, attempt < attempts
	}
}
