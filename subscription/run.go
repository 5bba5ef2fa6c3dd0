package subscription

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"iter"
	"sync"
	"time"

	"github.com/checkpointstore/checkpoint"
)

// Handling says how [Run] handles events of type E. Position and Handle are
// required.
type Handling[E any] struct {
	// Position is where an event stands in the log.
	Position func(E) checkpoint.Position

	// Handle does the work of one event, and returns when its effects are
	// durable. Its context ends when the subscription does. An event may come a
	// second time after a crash.
	Handle func(ctx context.Context, event E) error

	// OrderedBy groups events: those of one group are handled one after
	// another, in the order of the log; others in parallel. Nil: all are
	// independent.
	OrderedBy func(E) string

	// Skip reports that an event carries no work. Nil: all do.
	Skip func(E) bool

	// Workers is how many events are handled at the same time. Zero: 1, which
	// keeps the order of the log.
	Workers int

	// Retry decides, after an attempt (1 is the first) that failed with err,
	// whether to make another, and how long to wait before. Nil: never. Events
	// of the same group wait meanwhile.
	Retry func(attempt int, err error) (wait time.Duration, again bool)

	// Park puts an event aside that has failed for good, somewhere durable, so
	// that the subscription goes on without it. Nil, or an error: the
	// subscription ends with the reason.
	Park func(ctx context.Context, event E, reason error) error
}

// Run reads events and handles each once it is tracked, until they end, ctx
// ends, or the subscription does. Events come in the order of the log, from
// after [Subscription.Resume] on; an error of theirs ends Run.
//
// When ctx ends, say by a signal, Run reads no more, lets the handlers that are
// at work finish, and returns the context's cause. An iterator that waits for
// the next event must watch ctx by itself. Run does not close the subscription:
// whoever opened it does, after Run.
func Run[E any](ctx context.Context, s *Subscription, events iter.Seq2[E, error], h Handling[E]) error {
	if h.Position == nil || h.Handle == nil {
		return errors.New("subscription: Run needs Position and Handle")
	}
	if h.Workers < 0 {
		return fmt.Errorf("subscription: Workers is %d, it must not be negative", h.Workers)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop := context.AfterFunc(s.ctx, func() { cancel(context.Cause(s.ctx)) })
	defer stop()

	r := &run[E]{s: s, h: h, seed: maphash.MakeSeed()}
	var workers sync.WaitGroup
	r.start(ctx, &workers)
	err := r.read(ctx, events)
	for _, queue := range r.queues {
		close(queue)
	}
	workers.Wait()
	// The subscription's own end says more than what came of it.
	return errors.Join(s.failure(), notOf(err, s.failure()))
}

// failure is why the subscription has ended by itself.
func (s *Subscription) failure() error {
	if s.ctx.Err() == nil {
		return nil
	}
	return context.Cause(s.ctx)
}

// notOf is err, unless cause says it already.
func notOf(err, cause error) error {
	if cause != nil && errors.Is(err, cause) {
		return nil
	}
	return err
}

type run[E any] struct {
	s      *Subscription
	h      Handling[E]
	seed   maphash.Seed
	queues []chan item[E]
}

type item[E any] struct {
	event E
	work  Work
}

// queueSize is how many events wait for a worker, so that it need not wait for
// the reader.
const queueSize = 64

func (r *run[E]) start(ctx context.Context, workers *sync.WaitGroup) {
	n := max(1, r.h.Workers)
	queues := n
	if r.h.OrderedBy == nil {
		queues = 1 // from which all workers take
	}
	for range queues {
		r.queues = append(r.queues, make(chan item[E], queueSize))
	}
	for i := range n {
		workers.Go(func() { r.work(ctx, r.queues[i%queues]) })
	}
}

func (r *run[E]) read(ctx context.Context, events iter.Seq2[E, error]) error {
	for event, err := range events {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			return err
		}
		if r.h.Skip != nil && r.h.Skip(event) {
			if err := r.s.Skip(r.h.Position(event)); err != nil {
				return err
			}
			continue
		}
		work, err := r.s.Track(ctx, r.h.Position(event))
		if err != nil {
			return err
		}
		select {
		case r.queue(event) <- item[E]{event, work}:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return context.Cause(ctx)
}

// queue is that of the event's group.
func (r *run[E]) queue(event E) chan item[E] {
	if len(r.queues) == 1 {
		return r.queues[0]
	}
	return r.queues[maphash.String(r.seed, r.h.OrderedBy(event))%uint64(len(r.queues))]
}

// work handles what is in a queue. Once ctx has ended it leaves the rest, which
// the next run reads again.
func (r *run[E]) work(ctx context.Context, queue chan item[E]) {
	for i := range queue {
		if ctx.Err() != nil {
			continue
		}
		if err := r.handle(ctx, i.event); err != nil {
			if !errors.Is(err, errAbandoned) {
				i.work.Fail(err)
			}
			continue
		}
		i.work.Done()
	}
}

// errAbandoned is for an event whose handling ended with the run.
var errAbandoned = errors.New("abandoned")

func (r *run[E]) handle(ctx context.Context, event E) error {
	for attempt := 1; ; attempt++ {
		err := r.h.Handle(r.s.ctx, event)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil && errors.Is(err, context.Cause(ctx)) {
			return errAbandoned
		}
		if r.h.Retry != nil {
			if wait, again := r.h.Retry(attempt, err); again {
				if !pause(ctx, wait) {
					return errAbandoned
				}
				continue
			}
		}
		if r.h.Park == nil {
			return err
		}
		if parkErr := r.h.Park(r.s.ctx, event, err); parkErr != nil {
			return fmt.Errorf("%w; and it could not be parked: %w", err, parkErr)
		}
		return nil
	}
}

// pause waits, and reports whether ctx has let it.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
