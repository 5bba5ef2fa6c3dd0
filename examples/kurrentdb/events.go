package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"time"

	"github.com/kurrent-io/KurrentDB-Client-Go/kurrentdb"

	"github.com/checkpointstore/checkpoint"
)

// An item is an event of $all, or a position that the log has passed without one.
type item struct {
	position checkpoint.Position
	event    *kurrentdb.ResolvedEvent // nil: the position carries no work
}

const (
	firstWait = 100 * time.Millisecond
	lastWait  = 10 * time.Second
)

// events reads $all: after a position where there is one, else from the start.
// When the connection drops it connects again, after the last item that it read.
// It ends with an error that another attempt cannot help, or that of ctx.
func events(
	ctx context.Context, client *kurrentdb.Client, opts kurrentdb.SubscribeToAllOptions, last checkpoint.Position, resumes bool,
) iter.Seq2[item, error] {
	return func(yield func(item, error) bool) {
		for wait := firstWait; ; wait = min(2*wait, lastWait) {
			opts.From = kurrentdb.Start{} // a nil From is the end
			if resumes {
				opts.From = kurrentdb.Position(last) // a pointer would compile, too, and say nothing
			}
			from, isAfter := last, resumes
			var dropped error
			for i, err := range receive(ctx, client, opts) {
				if err != nil {
					dropped = err
					break
				}
				if isAfter && i.position.Compare(from) <= 0 {
					continue // sent again
				}
				if i.event == nil && resumes && i.position.Compare(last) <= 0 {
					continue // a position may come twice, or be that of the last event
				}
				last, resumes, wait = i.position, true, firstWait
				if !yield(i, nil) {
					return
				}
			}
			if ctx.Err() == nil && !isFinal(dropped) {
				slog.WarnContext(ctx, "dropped by KurrentDB", "error", dropped, "again in", wait, "after", last)
				if sleep(ctx, wait) {
					continue
				}
			}
			if ctx.Err() != nil {
				dropped = context.Cause(ctx)
			}
			yield(item{}, dropped)
			return
		}
	}
}

// sleep reports whether d has passed before ctx ended.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

// receive subscribes once. It ends with the reason why it was dropped.
func receive(ctx context.Context, client *kurrentdb.Client, opts kurrentdb.SubscribeToAllOptions) iter.Seq2[item, error] {
	return func(yield func(item, error) bool) {
		sub, err := client.SubscribeToAll(ctx, opts)
		if err != nil {
			yield(item{}, err)
			return
		}
		defer sub.Close()
		for more := true; more; {
			switch got := sub.Recv(); {
			case got.EventAppeared != nil:
				// The original event is what stands in $all: the link, if it is one.
				more = yield(item{checkpoint.Position(got.EventAppeared.OriginalEvent().Position), got.EventAppeared}, nil)
			case got.CheckPointReached != nil:
				more = yield(item{position: checkpoint.Position(*got.CheckPointReached)}, nil)
			case got.SubscriptionDropped != nil:
				yield(item{}, fmt.Errorf("subscription dropped: %w", got.SubscriptionDropped.Error))
				return
			case got.CaughtUp != nil:
				slog.InfoContext(ctx, "caught up with KurrentDB")
			default: // FellBehind, or nothing at all, as of a server that says CaughtUp without a time
			}
		}
	}
}

// isFinal reports that to connect again cannot help. A client that found no node
// in all its attempts is closed for good.
func isFinal(err error) bool {
	var e *kurrentdb.Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Code() {
	case kurrentdb.ErrorCodeAccessDenied, kurrentdb.ErrorCodeUnauthenticated,
		kurrentdb.ErrorCodeUnsupportedFeature, kurrentdb.ErrorCodeConnectionClosed:
		return true
	}
	return false
}
