package subscription

import (
	"context"
	"fmt"
	"time"
)

// unwinding is how long handlers may take to return after their context has ended.
const unwinding = time.Second

// drain waits until no handler is at work. Once ctx has ended it waits no longer
// than Options.DrainTimeout, and ends the subscription with it.
func (r *run[E]) drain(ctx context.Context) {
	idle := make(chan struct{})
	go func() {
		r.workers.Wait()
		close(idle)
	}()
	select {
	case <-idle:
		return
	case <-ctx.Done():
	}
	timeout := r.s.opts.DrainTimeout
	if endsWithin(idle, timeout) {
		return
	}
	err := fmt.Errorf("subscription %q: %w, which was %v", r.s.key, ErrDrainTimeout, timeout)
	if oldest, ok := r.s.oldest(time.Now()); ok {
		err = fmt.Errorf("%w: that of the event at %s is at work for %v, attempt %d",
			err, oldest.Position, oldest.Age.Round(time.Millisecond), oldest.Attempts)
	}
	ended := r.s.life.ctx.Err() != nil
	r.late = err
	r.s.fail(err)
	if ended || !endsWithin(idle, unwinding) {
		r.s.log.Error("a handler ignores the end of its context, and is left at work", "error", err.Error())
	}
}

func endsWithin(end <-chan struct{}, limit time.Duration) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-end:
		return true
	case <-timer.C:
		return false
	}
}
