package subscription

import (
	"context"
	"fmt"
	"time"
)

// readerGrace is how long events that were read before the reader failed may still be
// begun. Without a limit a reader that fails again and again, after a few events, would
// keep a consumer where it is.
const readerGrace = time.Second

// blameReader ends the run because of a reader's error. If something had ended the
// subscription before, it returns err.
func (r *run[E]) blameReader(err error) error {
	if err == nil {
		return nil
	}
	if r.s.life.over() != nil {
		r.stop(err)
		return err
	}
	err = fmt.Errorf("subscription %q: reading failed: %w", r.s.key, err)
	r.s.life.blame(err)
	r.s.log.Error("reading failed, and the subscription ends when the handlers at work have finished", "error", err.Error())
	r.endWaits(err)
	time.AfterFunc(readerGrace, func() { r.stop(err) })
	return nil
}

// abandon leaves an event, and what comes after the event, to the next run.
func (r *run[E]) abandon() error {
	r.stop(context.Cause(r.waits))
	return errAbandoned
}

// unwinding is how long handlers may take to return after their context has ended.
const unwinding = time.Second

// drain waits until no handler is at work. Once the run is to end, drain waits for
// Options.DrainTimeout at most. Then it ends the subscription with [ErrDrainTimeout].
func (r *run[E]) drain() {
	idle := make(chan struct{})
	go func() {
		r.workers.Wait()
		close(idle)
	}()
	select {
	case <-idle:
		return
	case <-r.waits.Done():
	}
	timeout := r.s.opts.DrainTimeout
	if endsWithin(idle, timeout) {
		return
	}
	err := fmt.Errorf("subscription %q: %w (%v)", r.s.key, ErrDrainTimeout, timeout)
	if oldest, ok := r.s.oldest(time.Now()); ok {
		err = fmt.Errorf("%w: the handler of the event at %s has been at work for %v, attempt %d",
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
