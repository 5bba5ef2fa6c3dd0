package subscription

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"time"

	"github.com/checkpointstore/checkpoint"
)

// Handler says how [Run] handles events of type E. Position and Handle are required.
//
// Run calls Position, Time, OrderingKey and Ignore for one event after another, and
// Handle, Retry and Park from up to Workers goroutines at once. Several Runs with one
// Handler, as in [ConsumeEach], call all of them at once. A panic of Handle, Retry or Park
// ends the process.
type Handler[E any] struct {
	// Position returns the position of an event in the log.
	Position func(E) checkpoint.Position

	// Handle does the work of one event, and returns when its effects are
	// durable. Its context ends when the subscription does. An event may come a
	// second time after a crash.
	Handle func(ctx context.Context, event E) error

	// Time returns when an event was appended to the log, for the lag in time that
	// checkpoint.Status tells. Nil: the subscription estimates the lag from the heads
	// that it has seen.
	Time func(E) time.Time

	// OrderingKey names the thing that an event changes, as the key of a Kafka record
	// does. Run handles events of one key one after another, in the order of the log,
	// and events of different keys in parallel. A slow key holds up no other key while a
	// worker is free. Nil: all events are independent.
	OrderingKey func(E) string

	// Ignore reports that an event carries no work: [Subscription.Skip] passes its
	// position. Nil: all events carry work.
	Ignore func(E) bool

	// Workers is how many events are handled at the same time. Zero: 1, which keeps the
	// order of the log if OrderingKey is nil.
	Workers int

	// Shared bounds the events in work and the handlers of several Runs together. Nil: this
	// Run keeps to its own bounds only.
	Shared *Shared

	// Retry decides, after an attempt (1 is the first) that failed with err, whether to
	// make another attempt, and how long to wait before it. Meanwhile the worker waits,
	// and so do the other events with the same OrderingKey. Nil: never.
	Retry func(attempt int, err error) (wait time.Duration, again bool)

	// Park puts an event that has failed for good somewhere durable, so that the
	// subscription goes on without it. If Park is nil or returns an error, the
	// subscription ends with the reason.
	Park func(ctx context.Context, event E, reason error) error
}

// Run reads events, tracks each, and calls the handler for it, until the events end, ctx
// ends, or the subscription ends. The reader is the function events, and the iterator
// that it returns. It must return the events after the position of
// [Subscription.Resume], in the order of the log. Run calls the reader in a goroutine of
// its own, with a context that ends when ctx or the subscription ends. A reader that
// waits for the next event must watch this context. When the context ends, the reader must
// return, or yield an error that wraps the context's Err or cause. Run takes any other
// error for a failure of the reader.
//
// To stop a consumer, end ctx, for instance by a signal. Then Run reads no more, lets
// the handlers that are at work finish, and returns nil. For a second at most, Run still
// begins events that come before an event it has begun. Otherwise the next run would
// repeat the event that was begun.
//
// If the events end, Run waits for the handlers without a limit, and returns nil. If the
// subscription ends, Run returns the reason: after Close, [ErrClosed].
//
// If the reader fails, Run logs the error at once. For a second at most, Run still begins
// events that were read before. Then it stops as above, and ends the subscription when the
// handlers at work have finished. Run leaves the other events, and those that wait for
// another attempt, to the next run. If the reader panics, the handlers at work finish
// before Run passes the panic on, with the reader's stack.
//
// After the end of ctx or of the subscription, or a failure of the reader, the handlers
// and the reader have Options.DrainTimeout to finish. Nobody can stop a reader that
// ignores its context. Run leaves such a reader in its goroutine, which ends when the
// reader next yields or returns. Run neither handles nor acknowledges the events that this
// reader still yields.
//
// Run does not close the subscription: call Close after Run. A second Run of one
// Subscription is an error.
func Run[E any](
	ctx context.Context, s *Subscription, events func(context.Context) iter.Seq2[E, error], h Handler[E],
) error {
	if h.Position == nil || h.Handle == nil {
		return errors.New("subscription: Run needs Position and Handle")
	}
	if h.Workers < 0 {
		return fmt.Errorf("subscription: Workers is %d, it must not be negative", h.Workers)
	}
	if s.opts.StoredByHandler && (h.Workers > 1 || h.OrderingKey != nil) {
		return errors.New("subscription: with Options.StoredByHandler, Run needs Workers of 1 and no OrderingKey: " +
			"the stored position must not pass an event that is not done")
	}
	if s.ran.Swap(true) {
		return fmt.Errorf("subscription %q: Run was called before, and its events may still be in work: "+
			"close the Subscription, and open another, which resumes from the stored position", s.key)
	}
	stopped := ctx
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop := context.AfterFunc(s.life.ctx, func() { cancel(context.Cause(s.life.ctx)) })
	defer stop()

	r := &run[E]{s: s, h: h, queue: newSchedule[E](min(s.opts.MaxInFlight, maxReady)), stop: cancel}
	r.shared.Shared = h.Shared
	defer r.shared.end()
	r.waits, r.endWaits = context.WithCancelCause(ctx)
	defer r.endWaits(nil)
	r.furthest = sync.OnceValue(s.hands.furthest)
	endGrace := r.prepareGrace(ctx)
	defer endGrace()
	err := r.all(ctx, events)
	if reason := s.Err(); reason != nil {
		s.fail(reason)
	}
	failure := s.life.why()
	if failure != nil {
		s.life.told.Store(true)
	}
	// The subscription's own end says more than what came of it.
	return errors.Join(failure, notOf(r.late, failure), notOf(err, failure, context.Cause(stopped), stopped.Err(), ctx.Err()))
}

// notOf returns err, or nil if err wraps one of causes.
func notOf(err error, causes ...error) error {
	for _, cause := range causes {
		if cause != nil && errors.Is(err, cause) {
			return nil
		}
	}
	return err
}

// maxReady bounds the groups that wait for a worker, as MaxInFlight does.
const maxReady = 4096

type run[E any] struct {
	s     *Subscription
	h     Handler[E]
	queue *schedule[E]

	shared part

	reader  reader
	workers sync.WaitGroup
	stop    context.CancelCauseFunc // ends the run
	late    error                   // says that DrainTimeout was over, or nil

	// waits ends with the run, or sooner if the reader fails. Then no event waits
	// between attempts any more.
	waits    context.Context
	endWaits context.CancelCauseFunc

	grace    context.Context            // ends stopGrace after the run is to end
	furthest func() checkpoint.Position // of the events that were begun before the run was to end
}

// all returns when the reader has returned and no handler is at work, or when
// DrainTimeout is over.
func (r *run[E]) all(ctx context.Context, events func(context.Context) iter.Seq2[E, error]) error {
	for range max(1, r.h.Workers) {
		r.workers.Go(func() { r.work(ctx, r.s.hands.add(), nil) })
	}
	r.start(ctx, events)
	select {
	case <-r.reader.back:
	case <-ctx.Done():
	}
	r.s.reporter.draining.Store(true)
	r.s.reporter.soon()
	r.queue.end()
	r.drain()
	return r.result()
}

// work handles g, unless it is nil, and then the groups that are ready.
func (r *run[E]) work(ctx context.Context, own *hand, g *group[E]) {
	defer func() {
		if g == nil {
			r.s.hands.remove(own)
			return
		}
		if p := recover(); p != nil {
			panic(p)
		}
		// The handler called runtime.Goexit, for instance in a test that fails.
		// Other events wait for g.
		own.put()
		g.next.work.Fail(errExited)
		r.work(ctx, own, r.queue.handled(g))
	}()
	for more := true; more; g, more = <-r.queue.ready {
		for ; g != nil; g = r.queue.handled(g) {
			g.left = g.left || !r.one(ctx, own, &g.next)
		}
	}
}
