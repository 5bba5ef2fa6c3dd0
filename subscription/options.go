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
	"github.com/checkpointstore/checkpoint/internal/instance"
)

// Missing says what Open does if there is no checkpoint.
type Missing uint8

const (
	// Refuse makes Open fail with [ErrNoCheckpoint]. So a consumer that has lost its
	// checkpoint does not replay the whole log. Refuse is the default.
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

// Options configures a [Subscription]. A nil *Options is the zero Options. Open refuses a
// negative number or time, except in ReportEvery.
type Options struct {
	// Missing says where a consumer without a checkpoint begins.
	Missing Missing

	// LogID identifies the log: a name that changes when the log is made anew. The
	// subscription stores it beside the position. If the checkpoint has another LogID,
	// Open fails with [ErrOtherLog]. If the checkpoint has no LogID, it gets this one.
	// With StoredByHandler the handler stores the LogID, by the option
	// checkpoint.LogID. Empty: not checked.
	LogID string

	// Head returns the position of the last event in the log. If the checkpoint is
	// beyond the head, Open fails with [ErrBeyondHead]. Lag counts up to the head. Ask
	// the leader for the head: a replica that lags would make a sound checkpoint look
	// wrong. The head of an empty log is the zero Position. If offsets start at 0 and
	// the log end offset is n, the head is checkpoint.Offset(n-1). Lag and a report may
	// call Head at the same time. Head must watch its context. Nil: not checked.
	Head func(ctx context.Context) (checkpoint.Position, error)

	// Tail returns the position of the first event that the log still has. Let b be the
	// position directly before this event. If the checkpoint is before b, Open fails with
	// [ErrTrimmed]: events that were not processed are gone. In a log of single numbers,
	// n-1 is directly before event n. In any other log, nobody can tell b: there Tail
	// must return the zero Position as long as no event was removed. Nil: not checked.
	Tail func(ctx context.Context) (checkpoint.Position, error)

	// AcceptTrimmed makes Open go on from the first event in place of [ErrTrimmed]. Open
	// logs which events it skips, and stores the position before the first event.
	AcceptTrimmed bool

	// StoredByHandler is for handlers that store the position themselves: in one
	// transaction with the effects of an event, and with the subscription's Epoch. Then
	// each event takes effect exactly once. The subscription itself stores only the
	// position at which a first run begins, or a run on a trimmed log goes on.
	//
	// Handle events one at a time and in the order of the log: one position cannot tell
	// which of several events have taken effect. [Run] refuses an OrderingKey, and more
	// than one worker. If a handler returns checkpoint.ErrFenced for the subscription's
	// key, Run ends at once. It neither retries nor parks the event, since another
	// instance handles it.
	StoredByHandler bool

	// FlushEvery is the number of events, done or skipped, after which the subscription
	// stores the low watermark. Zero: 1000. It bounds how many events are done and not
	// yet stored, as long as the store answers and no event holds the low watermark
	// back.
	FlushEvery int

	// FlushAfter is the time after which the subscription stores the low watermark, if
	// FlushEvery does not come first. Zero: 1 second.
	FlushAfter time.Duration

	// FlushTimeout is how long flushes may fail, again and again, before the
	// subscription ends with the error. A standby that waits for the lease goes on
	// waiting for as long while the store fails. Zero: 30 seconds.
	FlushTimeout time.Duration

	// MaxInFlight is how many events may be in work before Track waits. It bounds
	// memory. Zero: 1000.
	MaxInFlight int

	// MaxAhead is how many events past the stored position may be tracked before Track
	// waits. It bounds how many events a crash repeats, even if one event takes long or
	// the store fails: meanwhile other events go on, up to MaxAhead. Zero: 2 *
	// (FlushEvery + MaxInFlight). With a lower value, a reader that is faster than the
	// handlers waits for flushes, and causes more of them.
	MaxAhead int

	// StuckAfter is how long an event may be in work before the subscription warns the
	// Logger and the observers. It warns again after twice as long, four times as long,
	// and so on. Zero: 1 minute.
	StuckAfter time.Duration

	// DrainTimeout is how long [Run] waits for the reader and the handlers at work after
	// a signal, the reader's error, or the end of the subscription. Then Run ends the
	// handlers' context, too, and returns with [ErrDrainTimeout] a second later at most,
	// even if the reader or a handler ignores its context. Zero: 20 seconds.
	DrainTimeout time.Duration

	// ReportEvery is how often the subscription stores its checkpoint.Status, and asks
	// whether the key is paused. It also asks Head and Tail then. After an instance has
	// died, its status stays for three times as long. Zero: 5 seconds. Negative: it never
	// reports, and hears of no pause. It does not report either if the engine keeps no
	// reports.
	ReportEvery time.Duration

	// TTL makes the checkpoint expire this long after it was last stored. The
	// subscription of an idle consumer stores it again in time. Zero: never.
	TTL time.Duration

	// Lease makes this instance the only one at work. Nil: there is no lease, and the
	// caller must make sure that only one instance runs.
	Lease *Lease

	// Logger gets a line if something fails, and when the subscription ends. Nil: no
	// lines. Flushes and renewals are also calls of the Store, which tells its own Logger
	// and Observers of them.
	Logger *slog.Logger

	// Observers hear of the subscription's events, in the order of the list: see
	// [FlushedObserver] and the other hooks. A nil observer is skipped.
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
	if out.ReportEvery < 0 {
		out.ReportEvery = 0
	} else if out.ReportEvery == 0 {
		out.ReportEvery = 5 * time.Second
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
			lease.Owner = instance.Unique()
		}
		out.Logger = out.Logger.With("owner", lease.Owner)
		err = errors.Join(err, orDefault("Lease.TTL", &lease.TTL, 15*time.Second))
	}
	return out, errors.Join(err, out.check())
}

// instance names the instance in its reports.
func (o *Options) instance() string {
	if o.Lease != nil {
		return o.Lease.Owner
	}
	return instance.Unique()
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
