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

// Missing says what it means that there is no checkpoint.
type Missing uint8

const (
	// Refuse makes Open fail: a checkpoint that was there yesterday must not
	// turn into a replay of everything today. It is the default.
	Refuse Missing = iota
	// FromStart is for a consumer that has to see every event: its first run
	// begins at the start of the log. Open stores the zero Position, which stands
	// before everything, or the one before Options.Tail, so that the next run finds
	// a checkpoint.
	FromStart
	// FromHead is for a consumer that needs only what is new: its first run
	// begins at the end of the log. Open stores the head that Options.Head tells,
	// so that a crash before the first flush does not begin at a later one.
	FromHead
)

// Options configures a [Subscription]. A nil *Options is the zero Options.
type Options struct {
	// Missing says where a consumer without a checkpoint begins.
	Missing Missing

	// LogID identifies the log: a name that changes when the log is made anew. It
	// is stored beside the position, and Open fails with [ErrOtherLog] where
	// another one is. One without a LogID gets this one: where StoredByHandler is
	// set, from the handler, by the option checkpoint.LogID. Empty: not checked.
	LogID string

	// Head returns the position of the last event in the log. Open fails with
	// [ErrBeyondHead] if the checkpoint is beyond it, and Lag counts from it.
	// Ask the node that knows the most: a replica that lags would make a sound
	// checkpoint look wrong. The head of an empty log is the zero Position. In a log
	// of offsets from 0, whose next event will be at n, it is
	// checkpoint.Offset(n-1). Nil: not checked.
	Head func(ctx context.Context) (checkpoint.Position, error)

	// Tail returns the position of the first event that the log still has. Open
	// fails with [ErrTrimmed] if the checkpoint is before it: events that were not
	// processed are gone. In a log of single numbers a checkpoint at the number
	// before the first event has missed nothing. In other logs nobody can tell, so
	// that Tail returns the zero Position as long as nothing was removed. Nil: not
	// checked.
	Tail func(ctx context.Context) (checkpoint.Position, error)

	// AcceptTrimmed makes Open go on from the first event if it would fail with
	// [ErrTrimmed]. It logs what is skipped, and stores where it goes on.
	AcceptTrimmed bool

	// StoredByHandler is for handlers that store the position themselves, in one
	// transaction with what an event changes, and with the subscription's Epoch:
	// each event then takes effect exactly once. The subscription stores nothing
	// but where a first run begins, or one on a trimmed log. Handle events one at a time and
	// in the order of the log: one position cannot tell which of several have
	// taken effect. [Run] refuses more than one of Workers, and OrderingKey. A
	// handler's checkpoint.ErrFenced for the subscription's key ends Run at once:
	// the event is not tried again, nor parked, since another instance handles it.
	StoredByHandler bool

	// FlushEvery is after how many events, done or skipped, the low watermark is
	// stored. Zero: 1000. It bounds how many are unstored, if FlushAfter does not come
	// first, while nothing holds up the low watermark and the store answers.
	FlushEvery int

	// FlushAfter is the longest time that what was acknowledged stays unstored.
	// Zero: 1 second.
	FlushAfter time.Duration

	// FlushTimeout is for how long storing may fail, again and again, until the
	// subscription ends with the error, and for how long a standby that waits for
	// the lease bears a store that fails. Zero: 30 seconds.
	FlushTimeout time.Duration

	// MaxInFlight is how many events may be in work until Track waits. Zero: 1000. It
	// bounds memory.
	MaxInFlight int

	// MaxAhead is how many events may be tracked past what is stored until Track
	// waits. It bounds how many events are done again after a crash, however long one
	// event takes, or the store fails: so many go on meanwhile. Zero: twice FlushEvery
	// and MaxInFlight together. With less than that, a reader that is faster than the
	// handlers waits for flushes, and has more of them made.
	MaxAhead int

	// StuckAfter is how long an event may be in work until the Logger and the observers
	// are warned of it, and again after twice the time, and so on. Zero: 1 minute.
	StuckAfter time.Duration

	// DrainTimeout is how long [Run] waits, once it is to return, for the handlers at
	// work: after a signal, the reader's error, or the end of the subscription. Then
	// the handlers' context ends, and Run returns a second later at most, with
	// [ErrDrainTimeout], even if a handler ignores its context. Zero: 20 seconds.
	DrainTimeout time.Duration

	// TTL lets the checkpoint expire so long after it was last stored. An idle
	// consumer stores it again in time. Zero: never.
	TTL time.Duration

	// Lease makes this instance the only one at work. Nil: there is no lease,
	// and the caller sees to it that one instance runs.
	Lease *Lease

	// Logger receives what happens. Nil discards. Flushes and renewals are also
	// calls of the Store, which tells its own Logger and Observers of them.
	Logger *slog.Logger

	// Observers hear what happens, in this order: see [FlushedObserver] and the
	// hooks beside it. A nil one is skipped.
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

// twice is two times a and b together, or the highest int.
func twice(a, b int) int {
	sum := a + min(b, math.MaxInt-a)
	return sum + min(sum, math.MaxInt-sum)
}

// check refuses what makes no sense together.
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
