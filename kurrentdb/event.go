package kurrentdb

import (
	"errors"
	"fmt"
	"math"

	kurrent "github.com/kurrent-io/KurrentDB-Client-Go/kurrentdb"

	"github.com/checkpointstore/checkpoint"
)

// An Event is an event of a log, or a position that the log has passed without an
// event for this reader. Its methods fit the fields of a subscription.Handler.
type Event struct {
	// ResolvedEvent is nil if IsEmpty. If links are resolved, its Event is nil for a
	// link to an event that was deleted.
	*kurrent.ResolvedEvent

	position checkpoint.Position
}

// Position returns the position of the event in the log. For a link, it is the link's
// own position, not the position of the event to which the link points.
func (e Event) Position() checkpoint.Position { return e.position }

// IsEmpty reports whether there is no event, only a position. Set Handler.Ignore to it:
// otherwise the handler gets these positions as events.
func (e Event) IsEmpty() bool { return e.ResolvedEvent == nil }

// StreamID names the stream that has the event. For a link, it is the link's own stream,
// not the stream of the event to which the link points. StreamID panics if e.IsEmpty().
func (e Event) StreamID() string { return e.OriginalEvent().StreamID }

// ErrOrder says that KurrentDB has sent an event out of order: the event is at or before
// a position that the reader has passed, or at or before the checkpoint. The consumer may
// not have seen this event.
var ErrOrder = errors.New("event out of order")

// An orderError is an ErrOrder with its remedy.
type orderError struct{ event, after checkpoint.Position }

func (e *orderError) Error() string {
	return fmt.Sprintf("kurrentdb: %v: the server sent %s after %s", ErrOrder, e.event, e.after)
}

func (e *orderError) Unwrap() error { return ErrOrder }

// Hint is what checkpoint.Hint returns.
func (e *orderError) Hint() string {
	return "Check that the consumer reads the log of its checkpoint. If the log was replaced, rewind the consumer."
}

// ErrOtherLog says that KurrentDB has another log than the one that [Log.ID] has named.
var ErrOtherLog = errors.New("the log was replaced")

// An otherLogError is an ErrOtherLog with its remedy.
type otherLogError struct{ fact string }

func (e *otherLogError) Error() string {
	return fmt.Sprintf("kurrentdb: %v: %s", ErrOtherLog, e.fact)
}

func (e *otherLogError) Unwrap() error { return ErrOtherLog }

// Hint is what checkpoint.Hint returns.
func (e *otherLogError) Hint() string {
	return "Check which KurrentDB is at the address. If the log was replaced on purpose, rewind the consumer to where it begins in the new log."
}

// isPlace reports whether p is a place in a log. KurrentDB writes {Max, Max} for the
// log's end, and for a position that it does not know.
func isPlace(p checkpoint.Position) bool {
	return p.Commit != math.MaxUint64 && p.Prepare != math.MaxUint64
}
