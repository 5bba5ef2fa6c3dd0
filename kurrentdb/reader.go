package kurrentdb

import (
	"context"
	"errors"
	"fmt"
	"time"

	kurrent "github.com/kurrent-io/KurrentDB-Client-Go/kurrentdb"

	"github.com/checkpointstore/checkpoint"
)

const (
	firstWait = 100 * time.Millisecond
	lastWait  = 10 * time.Second
)

type subscribeFunc func(context.Context, *kurrent.Client, checkpoint.Position) (*kurrent.Subscription, error)

// A reader reads a log through one connection after another.
type reader struct {
	log       *Log
	subscribe subscribeFunc
	position  func(*kurrent.RecordedEvent) checkpoint.Position
	yield     func(Event, error) bool

	id     string              // of the log that the consumer reads; empty: not known
	last   checkpoint.Position // the last position that was yielded, or where the consumer resumes
	client *kurrent.Client     // nil: not connected
}

// run yields events until its caller stops, or an error ends it.
func (r *reader) run(ctx context.Context) {
	defer r.disconnect()
	for wait := firstWait; ; wait = min(2*wait, lastWait) {
		before := r.last
		again, err := r.connection(ctx)
		if err == nil {
			return // the caller stopped
		}
		if r.last != before {
			wait = firstWait
		}
		if again && ctx.Err() == nil {
			r.log.logger().WarnContext(ctx, "lost KurrentDB", "error", err, "again_in", wait, "after", r.last)
			pause(ctx, wait)
		}
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		} else if again {
			continue
		}
		r.yield(Event{}, err)
		return
	}
}

// connection reads until the connection is lost, and says whether to connect again.
// The error is nil if the caller stopped.
func (r *reader) connection(ctx context.Context) (again bool, err error) {
	if r.client == nil {
		if r.client, err = r.log.connect(); err != nil {
			return false, err
		}
	}
	sub, err := r.subscribe(ctx, r.client, r.last)
	if err != nil {
		r.leave(err)
		return !isFinal(err), err
	}
	defer sub.Close()
	// A log that is replaced after this question drops the subscription.
	if err := r.sameLog(ctx); err != nil {
		r.leave(err)
		return !isFinal(err), err
	}
	return r.receive(ctx, sub)
}

// sameLog returns an error if the connection is to another log.
func (r *reader) sameLog(ctx context.Context) error {
	if r.id == "" {
		return nil
	}
	id, err := readName(ctx, r.client, false) // whichever node sends the events
	switch {
	case hasCode(err, kurrent.ErrorCodeResourceNotFound):
		return &otherLogError{fmt.Sprintf("it was %q, and is one without a name", r.id)}
	case err != nil:
		return err
	case id != r.id:
		return &otherLogError{fmt.Sprintf("it was %q, and is %q", r.id, id)}
	}
	return nil
}

// receive yields the events that a subscription sends. It ignores the reason of a drop. If
// the reason lasts, the next attempt to subscribe meets it again. An expired token
// does not last: the next attempt has a new token.
func (r *reader) receive(ctx context.Context, sub *kurrent.Subscription) (again bool, err error) {
	for {
		switch got := sub.Recv(); {
		case got.SubscriptionDropped != nil:
			r.leave(got.SubscriptionDropped.Error)
			return true, fmt.Errorf("subscription dropped: %w", got.SubscriptionDropped.Error)
		case got.EventAppeared != nil:
			if again, err := r.event(got.EventAppeared); !again {
				return false, err
			}
		case got.CheckPointReached != nil:
			if !r.passed(checkpoint.Position(*got.CheckPointReached)) {
				return false, nil
			}
		case got.CaughtUp != nil:
			r.log.logger().InfoContext(ctx, "caught up with KurrentDB", "at", r.last)
		default: // FellBehind, or a CaughtUp without a time, of which the client makes nothing
		}
	}
}

// event yields an event. Each connection begins after r.last, so no event comes twice.
func (r *reader) event(e *kurrent.ResolvedEvent) (again bool, err error) {
	original := e.OriginalEvent()
	if original == nil {
		return false, errors.New("kurrentdb: the server sent an event without a record")
	}
	switch p := r.position(original); {
	case !isPlace(p):
		return false, fmt.Errorf("kurrentdb: the server sent an event without a position: %s", p)
	case p.Compare(r.last) <= 0:
		return false, &orderError{event: p, after: r.last}
	default:
		return r.give(Event{ResolvedEvent: e, position: p}), nil
	}
}

// passed yields a position without an event, if the position is new.
func (r *reader) passed(p checkpoint.Position) bool {
	if !isPlace(p) || p.Compare(r.last) <= 0 {
		return true
	}
	return r.give(Event{position: p})
}

func (r *reader) give(e Event) bool {
	r.last = e.position
	return r.yield(e, nil)
}

// leave closes a client that has lost its connection, except if the client is moving
// to the leader: then it has closed its connection itself. If a client connects again
// after any other loss, it leaves the goroutines of the lost connection behind. Its
// Close ends only the goroutines of its last connection.
func (r *reader) leave(err error) {
	if !hasCode(err, kurrent.ErrorCodeNotLeader) {
		r.disconnect()
	}
}

func (r *reader) disconnect() {
	if r.client != nil {
		r.client.Close()
		r.client = nil
	}
}

// pause waits for d, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// isFinal reports whether another attempt to subscribe cannot help.
func isFinal(err error) bool {
	return errors.As(err, new(*otherLogError)) || hasCode(err, kurrent.ErrorCodeAccessDenied, kurrent.ErrorCodeUnauthenticated,
		kurrent.ErrorCodeUnsupportedFeature, kurrent.ErrorCodeStreamDeleted)
}

// hasCode looks into wrapped errors, which kurrent.FromError does not.
func hasCode(err error, codes ...kurrent.ErrorCode) bool {
	var e *kurrent.Error
	if !errors.As(err, &e) {
		return false
	}
	for _, code := range codes {
		if e.Code() == code {
			return true
		}
	}
	return false
}
