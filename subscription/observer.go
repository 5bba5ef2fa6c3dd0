package subscription

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/checkpointstore/checkpoint"
)

// The hooks of a [Subscription]. An element of Options.Observers implements the hooks
// that it wants. A Subscription calls the hooks in the order of the list. A hook must
// return soon, since its caller waits. Close can wait for a hook. So a hook must not call
// Close, nor wait for a lock that a caller of Close holds.
type (
	// An OpenedObserver hears of each Subscription that is open.
	OpenedObserver interface {
		// Opened is called on the goroutine that called Open, before Open returns s.
		// The Context of s ends when s does: an observer that reads Stats from time to
		// time stops then.
		Opened(key string, s *Subscription)
	}

	// A FlushStarter hears of each attempt to store the low watermark as it begins.
	FlushStarter interface {
		// FlushStart is called on the goroutine that stores. It returns ctx, or a
		// context that is derived from ctx. The next observer's FlushStart gets this
		// context. The Store's call, and Flush.Context, have the context that the last
		// FlushStart returned.
		FlushStart(ctx context.Context, key string, p checkpoint.Position) context.Context
	}

	// A FlushedObserver hears of each attempt to store the low watermark.
	FlushedObserver interface {
		// Flushed is called on the goroutine that stores: a goroutine of the
		// Subscription, or the caller's of Open or Close. A Subscription never makes
		// two attempts at once.
		Flushed(Flush)
	}

	// A LagObserver hears of each lag that [Subscription.Lag] returns, and of the lag of
	// the low watermark every Options.ReportEvery if Options.Head is set.
	LagObserver interface {
		// LagRead is called on the goroutine that called Lag, or that reports.
		LagRead(key string, lag uint64)
	}

	// A ReportedObserver hears of what the subscription says of itself.
	ReportedObserver interface {
		// Reported is called on the goroutine that reports, every Options.ReportEvery,
		// before the status is stored. It is also called while the subscription is a
		// standby.
		Reported(key string, status checkpoint.Status)
	}

	// A LeaseGainedObserver hears of the lease that Open acquires.
	LeaseGainedObserver interface {
		// LeaseGained is called on the goroutine that called Open, before Open
		// loads the checkpoint. If Open then fails it releases the lease.
		LeaseGained(checkpoint.Lease)
	}

	// A LeaseLostObserver hears that the lease is lost before Close.
	LeaseLostObserver interface {
		// LeaseLost is called once, on a goroutine of its own, after Context has
		// ended. The reason wraps [ErrLeaseLost]. A lease that Close gives up is
		// not lost.
		LeaseLost(lease checkpoint.Lease, reason error)
	}

	// An EventDoneObserver hears of each event that is done.
	EventDoneObserver interface {
		// EventDone is called on the goroutine that called Work.Done, only for the
		// first Done of an event, and not after Work.Fail. A flush may have covered the
		// event already.
		EventDone(Event)
	}

	// An EventFailedObserver hears of the events that end the Subscription.
	EventFailedObserver interface {
		// EventFailed is called on the goroutine that called Work.Fail, after Context
		// has ended. It is not called if the event was done or had failed before.
		EventFailed(Event)
	}

	// An EventRetriedObserver hears of each event that [Run] tries again.
	EventRetriedObserver interface {
		// EventRetried is called on the worker's goroutine, after Handler.Retry and
		// before the wait that Retry asks for.
		EventRetried(Event)
	}

	// An EventStuckObserver hears of each event that is in work for long.
	EventStuckObserver interface {
		// EventStuck is called on a goroutine of its own, when the event has been in
		// work for Options.StuckAfter, for twice as long, four times as long, and so on.
		EventStuck(Event)
	}

	// An EventParkedObserver hears of each event that [Run] has parked.
	EventParkedObserver interface {
		// EventParked is called on the worker's goroutine, after Handler.Park. The
		// event is done then, so EventDone follows.
		EventParked(Event)
	}
)

// A Flush is one attempt to store the low watermark.
type Flush struct {
	Context  context.Context // as the last FlushStart returned it
	Key      string
	Position checkpoint.Position
	Duration time.Duration
	Err      error // nil if the position is stored
}

// An Event describes an event to a hook.
type Event struct {
	Key      string // the subscription's
	Position checkpoint.Position
	Duration time.Duration // since Track; of EventStuck: InWork.Age
	Handled  time.Duration // since Run first called the handler; zero without Run; of EventStuck zero
	Attempt  int           // of EventRetried and EventParked: the one that failed, from 1; of EventStuck: InWork.Attempts
	Err      error         // why it failed, was retried or parked; of EventDone: why it was parked, or nil
}

type hooks struct {
	opened  []OpenedObserver
	starts  []FlushStarter
	flushed []FlushedObserver
	lag     []LagObserver
	reports []ReportedObserver
	gained  []LeaseGainedObserver
	lost    []LeaseLostObserver
	done    []EventDoneObserver
	failed  []EventFailedObserver
	retried []EventRetriedObserver
	stuck   []EventStuckObserver
	parked  []EventParkedObserver
}

func hooksOf(observers []checkpoint.Observer) hooks {
	return hooks{
		opened:  checkpoint.HooksOf[OpenedObserver](observers),
		starts:  checkpoint.HooksOf[FlushStarter](observers),
		flushed: checkpoint.HooksOf[FlushedObserver](observers),
		lag:     checkpoint.HooksOf[LagObserver](observers),
		reports: checkpoint.HooksOf[ReportedObserver](observers),
		gained:  checkpoint.HooksOf[LeaseGainedObserver](observers),
		lost:    checkpoint.HooksOf[LeaseLostObserver](observers),
		done:    checkpoint.HooksOf[EventDoneObserver](observers),
		failed:  checkpoint.HooksOf[EventFailedObserver](observers),
		retried: checkpoint.HooksOf[EventRetriedObserver](observers),
		stuck:   checkpoint.HooksOf[EventStuckObserver](observers),
		parked:  checkpoint.HooksOf[EventParkedObserver](observers),
	}
}

// each calls call with each of the observers.
func each[H any](observers []H, call func(H)) {
	for _, o := range observers {
		call(o)
	}
}

// A heard is what hooks need to know of an event; nil: nobody listens.
type heard struct {
	tracked time.Time
	settled atomic.Bool // the event is done, or has failed

	// Only Run's worker changes these.
	handled time.Time // when it first called the handler; zero without Run
	parked  error     // why it parked the event, or nil
}

// begin says that Run calls the handler now.
func (w Work) begin(now time.Time) {
	if w.heard != nil && w.heard.handled.IsZero() {
		w.heard.handled = now
	}
}

// hear begins what the hooks of events hear.
func (h *hooks) hear() *heard {
	if len(h.done)+len(h.failed)+len(h.retried)+len(h.parked) == 0 {
		return nil
	}
	return &heard{tracked: time.Now()}
}

func (w Work) tellDone() {
	if !w.heard.settled.Swap(true) {
		each(w.s.hooks.done, func(o EventDoneObserver) { o.EventDone(w.event(0, w.heard.parked)) })
	}
}

func (w Work) tellFailed(err error) {
	if !w.heard.settled.Swap(true) {
		each(w.s.hooks.failed, func(o EventFailedObserver) { o.EventFailed(w.event(0, err)) })
	}
}

func (w Work) tellRetried(attempt int, err error) {
	each(w.s.hooks.retried, func(o EventRetriedObserver) { o.EventRetried(w.event(attempt, err)) })
}

func (w Work) tellParked(attempt int, err error) {
	if w.heard != nil {
		w.heard.parked = err
	}
	each(w.s.hooks.parked, func(o EventParkedObserver) { o.EventParked(w.event(attempt, err)) })
}

// event returns the Event of w. Somebody must listen: w.heard is not nil.
func (w Work) event(attempt int, err error) Event {
	now := time.Now()
	e := Event{Key: w.s.key, Position: w.position, Duration: now.Sub(w.heard.tracked), Attempt: attempt, Err: err}
	if !w.heard.handled.IsZero() {
		e.Handled = now.Sub(w.heard.handled)
	}
	return e
}
