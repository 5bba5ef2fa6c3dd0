package subscription

import (
	"context"
	"errors"
	"sync/atomic"
)

// A life says whether a Subscription is at work, has ended, is closing or is closed.
type life struct {
	ctx    context.Context // ends, with its cause, when the subscription does
	end    context.CancelCauseFunc
	reason atomic.Pointer[error] // why it ends: the first reason, maybe before ctx ends

	isClosing atomic.Bool
	closing   chan struct{} // closed by Close
	closed    chan struct{} // closed when Close is done

	outdone atomic.Bool // another instance is at work, or may be
	told    atomic.Bool // Run has returned why the subscription ended

	abandoned atomic.Bool // the consumer may be at work after Close
}

func (l *life) init() {
	l.ctx, l.end = context.WithCancelCause(context.Background())
	l.closing, l.closed = make(chan struct{}), make(chan struct{})
}

// over returns why no event is taken any more, or nil.
func (l *life) over() error {
	select {
	case <-l.closing:
		return ErrClosed
	default:
		return context.Cause(l.ctx)
	}
}

// blame keeps err as the reason of the end, unless there is one.
func (l *life) blame(err error) {
	if l.ctx.Err() == nil {
		l.reason.CompareAndSwap(nil, &err)
	}
}

// why returns the reason of the end, joined with what ended ctx if that was another
// error.
func (l *life) why() error {
	cause, reason := context.Cause(l.ctx), l.reason.Load()
	switch {
	case reason == nil:
		return cause
	case cause == nil || errors.Is(cause, *reason):
		return *reason
	}
	return errors.Join(*reason, cause)
}

// Context ends when the subscription does, with the reason as its cause: the lease is
// lost, a write was fenced or overtaken, an event or the reader failed, DrainTimeout was
// over, flushing failed for too long, or Close has stored the low watermark. Work that
// uses this context stops in time.
func (s *Subscription) Context() context.Context { return s.life.ctx }

// Err returns why the subscription has ended. It returns nil while the subscription
// runs, and after a Close if the subscription ran until then. It returns a reader's
// error at once, while [Run] still waits for the handlers at work.
func (s *Subscription) Err() error {
	if reason := s.life.reason.Load(); reason != nil {
		return *reason
	}
	return nil
}

// fail ends the subscription. The first reason stays. It writes to the log last, so
// that a slow log does not keep work going.
func (s *Subscription) fail(err error) {
	first := s.life.ctx.Err() == nil
	s.life.blame(err)
	s.life.end(err)
	s.reporter.failed(err)
	if first {
		s.log.Error("subscription ended", "error", err.Error())
	}
}
