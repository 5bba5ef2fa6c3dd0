package subscription

import (
	"context"
	"fmt"
	"time"
)

// readerGrace is how long after the reader's failure the handlers still begin events
// that were read before. Without this time, a reader that fails again and again, after a
// few events, would keep a consumer where it is.
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

// stopGrace is how long after the end of the run's context the handlers still begin the
// events that the run owes.
const stopGrace = time.Second

// prepareGrace makes the context that ends stopGrace after ctx, or with the subscription.
func (r *run[E]) prepareGrace(ctx context.Context) (end func()) {
	grace, cancel := context.WithCancel(r.s.life.ctx)
	r.grace = grace
	forget := context.AfterFunc(ctx, func() { time.AfterFunc(stopGrace, cancel) })
	return func() {
		forget()
		cancel()
	}
}

// owes reports whether an event may begin although the run is to end: it comes before an
// event that was begun, and that the next run would repeat.
func (r *run[E]) owes(i *item[E]) bool {
	return r.grace.Err() == nil && i.work.position.Compare(r.furthest()) < 0
}

// abandon leaves an event, and what comes after the event, to the next run.
func (r *run[E]) abandon() error {
	r.stop(context.Cause(r.waits))
	return errAbandoned
}

// unwinding is how long handlers may take to return after their context has ended.
const unwinding = time.Second

// drain waits until the reader has returned, and no handler is at work. Once the run is
// to end, drain waits for Options.DrainTimeout at most. Then it ends the subscription
// with [ErrDrainTimeout].
func (r *run[E]) drain() {
	idle := make(chan struct{})
	go func() {
		r.workers.Wait()
		close(idle)
	}()
	if allEnd(r.waits.Done(), idle, r.reader.back) {
		return
	}
	if endWithin(r.s.opts.DrainTimeout, idle, r.reader.back) {
		return
	}
	ended := r.s.life.ctx.Err() != nil
	r.late = r.whoIsLate(isClosed(idle))
	r.s.fail(r.late)
	if ended || !endWithin(unwinding, idle) {
		r.s.log.Error("Run returns, although the reader or a handler has not", "error", r.late.Error())
	}
}

// whoIsLate names what is at work although DrainTimeout is over.
func (r *run[E]) whoIsLate(idle bool) error {
	err := fmt.Errorf("subscription %q: %w (%v)", r.s.key, ErrDrainTimeout, r.s.opts.DrainTimeout)
	if oldest, ok := r.s.oldest(time.Now()); ok && !idle {
		err = fmt.Errorf("%w: the handler of the event at %s has been at work for %v, attempt %d",
			err, oldest.Position, oldest.Age.Round(time.Millisecond), oldest.Attempts)
	}
	if !isClosed(r.reader.back) {
		err = fmt.Errorf("%w: the reader has not returned: make it watch its context", err)
	}
	return err
}

// endWithin waits for the ends of all, up to limit.
func endWithin(limit time.Duration, all ...<-chan struct{}) bool {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	return allEnd(ctx.Done(), all...)
}

// allEnd waits for the ends of all, until quit ends.
func allEnd(quit <-chan struct{}, all ...<-chan struct{}) bool {
	for _, end := range all {
		select {
		case <-end:
		case <-quit:
			return false
		}
	}
	return true
}
