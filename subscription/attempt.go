package subscription

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/checkpointstore/checkpoint"
)

// one handles one event. It reports false if it leaves the event to the next run, which
// reads it again. If the subscription itself ends, ctx ends a little later. So one also
// asks the subscription: otherwise it could handle an event after one of the same group
// has failed.
func (r *run[E]) one(ctx context.Context, own *hand, i *item[E]) bool {
	now := time.Now()
	if !r.s.atWork(now) || ctx.Err() != nil && !r.owes(i) {
		return false
	}
	err := r.handle(ctx, own, i, now)
	own.put()
	r.shared.leave()
	switch {
	case err == nil:
		i.work.Done()
	case errors.Is(err, errAbandoned):
		return false
	default:
		i.work.Fail(err)
	}
	return true
}

var errExited = errors.New("subscription: the handler ended its goroutine and did not return")

// errAbandoned is for an event whose handling ended with the run.
var errAbandoned = errors.New("abandoned")

func (r *run[E]) handle(ctx context.Context, own *hand, i *item[E], now time.Time) error {
	for attempt := 1; ; attempt++ {
		err := r.call(ctx, own, i, now)
		if err == nil {
			return nil
		}
		// If the subscription has ended, another run handles the event, or parks
		// it. If Run is to stop, the handler may have been called off.
		if errors.Is(err, errAbandoned) || !r.s.atWork(time.Now()) ||
			ctx.Err() != nil && notOf(err, context.Cause(ctx), ctx.Err()) == nil {
			return errAbandoned
		}
		if r.s.isFencedOut(err) {
			return err
		}
		if r.h.Retry != nil {
			if wait, again := r.h.Retry(attempt, err); again {
				if r.waits.Err() != nil {
					return r.abandon()
				}
				r.s.reporter.retries.Add(1)
				r.s.reporter.failed(err)
				i.work.tellRetried(attempt, err)
				if !pause(r.waits, wait) || !r.s.atWork(time.Now()) {
					return r.abandon()
				}
				continue
			}
		}
		if r.h.Park == nil {
			return err
		}
		if parkErr := r.h.Park(r.s.life.ctx, i.event, err); parkErr != nil {
			return fmt.Errorf("%w; and it could not be parked: %w", err, parkErr)
		}
		r.s.reporter.parked.Add(1)
		r.s.reporter.failed(err)
		i.work.tellParked(attempt, err)
		return nil
	}
}

// call calls the handler once a worker is free. The subscription's end comes before that of
// ctx, and Close counts on it: no handler begins once Close has found none at work.
func (r *run[E]) call(ctx context.Context, own *hand, i *item[E], now time.Time) error {
	err := r.shared.begin(ctx)
	if err != nil && r.owes(i) {
		err = r.shared.begin(r.grace)
	}
	if err != nil {
		return errAbandoned
	}
	defer r.shared.finish()
	if r.h.Shared != nil { // it may have waited
		if now = time.Now(); !r.s.atWork(now) {
			return errAbandoned
		}
	}
	begun := own.begin(i.work.position, now, r.s.life.ctx, ctx)
	if !begun && r.owes(i) {
		begun = own.begin(i.work.position, now, r.s.life.ctx)
	}
	if !begun {
		return errAbandoned
	}
	i.work.begin(now)
	return r.h.Handle(r.s.life.ctx, i.event)
}

// isFencedOut reports whether a handler that stores the position has learned that
// another instance is at work. That instance handles the event, or parks it. A handler that
// calls Apply returns a plain ErrFenced. An error that names another key is a failure.
func (s *Subscription) isFencedOut(err error) bool {
	var refused *checkpoint.Error
	return s.opts.StoredByHandler && errors.Is(err, checkpoint.ErrFenced) &&
		(!errors.As(err, &refused) || refused.Key == s.key)
}

// pause waits for d. It reports false if ctx ended first.
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
