package subscription

import (
	"context"
	"fmt"
	"iter"
	"runtime"
	"runtime/debug"
	"sync/atomic"
)

// A reader is the goroutine that reads the log for [Run]. Nobody can stop a reader that
// ignores its context, so Run must be able to return without it.
type reader struct {
	back chan struct{} // closed when the reader has returned
	left atomic.Bool   // Run does not wait for the reader any more, or the reader has panicked

	// These may be read once back is closed.
	err      error
	returned bool // false: the reader panicked, or ended its goroutine
	panicked *panicError
}

// A panicError is what Run panics with if the reader panicked.
type panicError struct {
	value any
	stack []byte
}

func (p *panicError) Error() string { return fmt.Sprintf("%v\n\n%s", p.value, p.stack) }

func (p *panicError) Unwrap() error {
	err, _ := p.value.(error)
	return err
}

// start reads in a goroutine of its own.
func (r *run[E]) start(ctx context.Context, events func(context.Context) iter.Seq2[E, error]) {
	r.reader.back = make(chan struct{})
	go func() {
		defer close(r.reader.back)
		defer func() {
			if r.reader.returned {
				return
			}
			r.stop(nil)
			if r.reader.left.Swap(true) {
				return // nobody could pass on the panic, so it ends the process
			}
			if p := recover(); p != nil {
				r.reader.panicked = &panicError{p, debug.Stack()}
			}
		}()
		err := r.read(ctx, events(ctx))
		r.reader.err = r.blameReader(notOf(err, context.Cause(ctx), ctx.Err()))
		r.reader.returned = true
	}()
}

// result returns the reader's error. It passes on the reader's panic, and the end of
// its goroutine. If the reader has not returned, result leaves it.
func (r *run[E]) result() error {
	if r.reader.left.Swap(true) {
		<-r.reader.back // it has panicked, and is about to say so
	}
	switch {
	case !isClosed(r.reader.back):
		return nil
	case r.reader.panicked != nil:
		panic(r.reader.panicked)
	case !r.reader.returned:
		runtime.Goexit()
	}
	return r.reader.err
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func (r *run[E]) read(ctx context.Context, events iter.Seq2[E, error]) error {
	for event, err := range events {
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if r.s.work.paused.Load() {
			if err := r.s.waitForResume(ctx); err != nil {
				return err
			}
		}
		if r.h.Ignore != nil && r.h.Ignore(event) {
			if err := r.s.Skip(r.h.Position(event)); err != nil {
				return err
			}
			continue
		}
		position := r.h.Position(event)
		if r.h.Time != nil {
			r.s.reporter.times.saw(position, r.h.Time(event))
		}
		work, err := r.s.Track(ctx, position)
		if err != nil {
			return err
		}
		r.s.work.giveWay()
		// Track may wait for hours, for instance in a pause. So it waits before the event
		// takes a place that other partitions want.
		if err := r.shared.enter(ctx); err != nil {
			return err
		}
		i := item[E]{event, work}
		if r.h.OrderingKey == nil {
			err = r.queue.addAlone(ctx, i)
		} else {
			err = r.queue.add(ctx, r.h.OrderingKey(event), i)
		}
		if err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}
