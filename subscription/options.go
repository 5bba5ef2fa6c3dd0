package subscription

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"time"

	"github.com/checkpointstore/checkpoint"
)

// Missing says what Open does if there is no checkpoint.
type Missing uint8

const (
	// Refuse makes Open fail: a checkpoint that was there yesterday must not
	// turn into a replay of everything today. It is the default.
	Refuse Missing = iota
	// FromStart is for a consumer that has to see every event: its first run begins at
	// the start of the log. Open stores the zero Position, which stands before
	// everything, so that the next run finds a checkpoint. With Options.Tail, Open
	// stores the position before the tail instead.
	FromStart
	// FromHead is for a consumer that needs only new events: its first run begins at
	// the end of the log. Open stores the head that Options.Head returns. So a run
	// after a crash before the first flush does not begin at a later head.
	FromHead
)

// Options configures a [Subscription]. A nil *Options is the zero Options.
type Options struct {
	// Missing says where a consumer without a checkpoint begins.
	Missing Missing

	// LogID identifies the log: a name that changes when the log is made anew. It is
	// stored beside the position. If the checkpoint has another LogID, Open fails with
	// [ErrOtherLog]. A checkpoint without a LogID gets this one. With StoredByHandler
	// the handler stores it, by the option checkpoint.LogID. Empty: not checked.
	LogID string

	// Head returns the position of the last event in the log. If the checkpoint is
	// beyond it, Open fails with [ErrBeyondHead]. Lag counts from it. Ask the node that
	// knows the most: a replica that lags would make a sound checkpoint look wrong. The
	// head of an empty log is the zero Position. If offsets start at 0 and the next
	// event will be at n, the head is checkpoint.Offset(n-1). Nil: not checked.
	Head func(ctx context.Context) (checkpoint.Position, error)

	// Tail returns the position of the first event that the log still has. If the
	// checkpoint is before it, Open fails with [ErrTrimmed]: events that were not
	// processed are gone. In a log of single numbers a checkpoint at the number before
	// the first event has missed nothing. In other logs nobody can tell. There Tail
	// must return the zero Position as long as nothing was removed. Nil: not checked.
	Tail func(ctx context.Context) (checkpoint.Position, error)

	// AcceptTrimmed makes Open go on from the first event where it would otherwise fail
	// with [ErrTrimmed]. Open logs what is skipped, and stores the position before the
	// first event.
	AcceptTrimmed bool

	// StoredByHandler is for handlers that store the position themselves: in one
	// transaction with what an event changes, and with the subscription's Epoch. Then
	// each event takes effect exactly once. The subscription itself stores only where a
	// first run begins, or a run on a trimmed log.
	//
	// Handle events one at a time and in the order of the log: one position cannot tell
	// which of several events have taken effect. [Run] refuses more than one of
	// Workers, and OrderingKey. If a handler returns checkpoint.ErrFenced for the
	// subscription's key, Run ends at once. It neither retries nor parks the event,
	// since another instance handles it.
	StoredByHandler bool

	// FlushEvery is after how many events, done or skipped, the low watermark is
	// stored. Zero: 1000. It bounds how many done events are unstored, if FlushAfter
	// does not come first. The bound holds only while nothing holds up the low
	// watermark and the store answers.
	FlushEvery int

	// FlushAfter is the longest time that what was acknowledged stays unstored.
	// Zero: 1 second.
	FlushAfter time.Duration

	// FlushTimeout is for how long storing may fail, again and again, until the
	// subscription ends with the error. A standby that waits for the lease bears a
	// failing store for as long. Zero: 30 seconds.
	FlushTimeout time.Duration

	// MaxInFlight is how many events may be in work before Track waits. It bounds
	// memory. Zero: 1000.
	MaxInFlight int

	// MaxAhead is how many events may be tracked past what is stored before Track
	// waits. It bounds how many events are done again after a crash, even if one event
	// takes long or the store fails: meanwhile up to MaxAhead events go on. Zero: 2 *
	// (FlushEvery + MaxInFlight). With less, a reader that is faster than the handlers
	// waits for flushes, and causes more of them.
	MaxAhead int

	// StuckAfter is how long an event may be in work before the Logger and the
	// observers are warned of it. They are warned again after twice that time, after
	// four times, and so on. Zero: 1 minute.
	StuckAfter time.Duration

	// DrainTimeout is how long [Run] waits for the reader and the handlers at work once
	// it is to return: after a signal, the reader's error, or the end of the
	// subscription. Then the handlers' context ends, too. Run returns with
	// [ErrDrainTimeout] a second later at most, even if the reader or a handler ignores
	// its context. Zero: 20 seconds.
	DrainTimeout time.Duration

	// TTL makes the checkpoint expire this long after it was last stored. An idle
	// consumer stores it again in time. Zero: never.
	TTL time.Duration

	// Lease makes this instance the only one at work. Nil: there is no lease, and the
	// caller must make sure that only one instance runs.
	Lease *Lease

	// Logger receives what happens. Nil discards. Flushes and renewals are also
	// calls of the Store, which tells its own Logger and Observers of them.
	Logger *slog.Logger

	// Observers hear what happens, in this order: see [FlushedObserver] and the other
	// hooks. A nil observer is skipped.
	Observers []checkpoint.Observer
}

func (o *Options) withDefaults() (Options, error) {
	var out Options
	if o != nil {
		out = *o
	}
	if out.Logger == nil {
		out.Logger = slog.New(slog.DiscardHandler)
	}
	err := errors.Join(
		orDefault("FlushEvery", &out.FlushEvery, 1000),
		orDefault("MaxInFlight", &out.MaxInFlight, 1000),
		orDefault("FlushAfter", &out.FlushAfter, time.Second),
		orDefault("FlushTimeout", &out.FlushTimeout, 30*time.Second),
		orDefault("StuckAfter", &out.StuckAfter, time.Minute),
		orDefault("DrainTimeout", &out.DrainTimeout, 20*time.Second),
		orDefault("TTL", &out.TTL, 0),
	)
	err = errors.Join(err, orDefault("MaxAhead", &out.MaxAhead, twice(out.FlushEvery, out.MaxInFlight)))
	if out.StoredByHandler {
		out.MaxAhead = math.MaxInt // it has stored all that it has done
	}
	if out.Lease != nil {
		lease := *out.Lease
		out.Lease = &lease
		if lease.Owner == "" {
			lease.Owner = uniqueOwner()
		}
		out.Logger = out.Logger.With("owner", lease.Owner)
		err = errors.Join(err, orDefault("Lease.TTL", &lease.TTL, 15*time.Second))
	}
	return out, errors.Join(err, out.check())
}

// orDefault makes zero of an option its default.
func orDefault[N int | time.Duration](name string, n *N, otherwise N) error {
	if *n < 0 {
		return fmt.Errorf("subscription: %s is %v, it must not be negative", name, *n)
	}
	*n = cmp.Or(*n, otherwise)
	return nil
}

// twice returns 2 * (a + b), or the highest int if that is higher.
func twice(a, b int) int {
	sum := a + min(b, math.MaxInt-a)
	return sum + min(sum, math.MaxInt-sum)
}

// check refuses options that contradict each other.
func (o *Options) check() error {
	switch {
	case o.Missing > FromHead:
		return fmt.Errorf("subscription: Missing is %d: want Refuse, FromStart or FromHead", o.Missing)
	case o.Missing == FromHead && o.Head == nil:
		return errors.New("subscription: Missing is FromHead, which needs Head")
	case o.AcceptTrimmed && o.Tail == nil:
		return errors.New("subscription: AcceptTrimmed needs Tail")
	case o.StoredByHandler && o.TTL != 0:
		return errors.New("subscription: with StoredByHandler the handler sets the TTL: leave TTL out")
	}
	if err := checkpoint.ValidateLogID(o.LogID); err != nil {
		return fmt.Errorf("subscription: LogID is %.80q: %w", o.LogID, err)
	}
	return nil
}
