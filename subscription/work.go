package subscription

import (
	"context"
	"errors"
	"fmt"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/tracker"
)

// A Work is one event that is in work. It may be copied, and is for any
// goroutine.
type Work struct {
	s        *Subscription
	token    tracker.Token
	position checkpoint.Position
	heard    *heard
}

// Track says that the event at p is in work from now on. It waits while
// Options.MaxInFlight are, until ctx or the subscription ends. A p that does not
// come after the last one is tracker.ErrOrder, and changes nothing.
func (s *Subscription) Track(ctx context.Context, p checkpoint.Position) (Work, error) {
	if s.tracker.InFlight() >= s.opts.MaxInFlight {
		if err := s.waitForRoom(ctx); err != nil {
			return Work{}, err
		}
	}
	if err := s.ended(); err != nil {
		return Work{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	token, err := s.tracker.Track(p)
	if err != nil {
		return Work{}, err
	}
	s.entered, s.last = s.entered+1, p
	return Work{s: s, token: token, position: p, heard: s.hooks.hear()}, nil
}

func (s *Subscription) waitForRoom(ctx context.Context) error {
	s.waiting.Store(true)
	defer s.waiting.Store(false)
	for s.tracker.InFlight() >= s.opts.MaxInFlight {
		select {
		case <-s.room:
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-s.ctx.Done():
			return context.Cause(s.ctx)
		case <-s.closing:
			return ErrClosed
		}
	}
	return nil
}

func (s *Subscription) ended() error {
	select {
	case <-s.closing:
		return ErrClosed
	default:
		return context.Cause(s.ctx)
	}
}

// Skip moves on over a position that carries no work: an event that a filter
// left out, or a position that the log reports by itself, as KurrentDB's
// CheckPointReached does. So a quiet subscription stores how far it is, too. One
// before the last position is tracker.ErrOrder; that one again changes nothing.
func (s *Subscription) Skip(p checkpoint.Position) error {
	if err := s.ended(); err != nil {
		return err
	}
	if err := s.skip(p); err != nil {
		return err
	}
	s.count()
	return nil
}

func (s *Subscription) skip(p checkpoint.Position) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.tracker.Skip(p); err != nil {
		return err
	}
	if again := p == s.last && (s.entered > 0 || s.resumes); !again {
		s.entered, s.last = s.entered+1, p
	}
	return nil
}

// Done acknowledges the event: its work is done, and its effects are durable.
// To call it again changes nothing.
func (w Work) Done() {
	if w.s == nil {
		return
	}
	w.s.tracker.Ack(w.token)
	if w.s.waiting.Load() {
		signal(w.s.room)
	}
	w.s.count()
	if w.heard.settle() {
		each(w.s.hooks.done, func(o EventDoneObserver) { o.EventDone(w.event(0, nil)) })
	}
}

// Fail ends the subscription, since nothing after this event may be stored as
// done. A Done that comes later does not count. Whoever wants to go on parks the
// event somewhere and calls Done instead.
func (w Work) Fail(err error) {
	if w.s == nil {
		return
	}
	if err == nil {
		err = errors.New("no reason was given")
	}
	w.s.tracker.Hold(w.token)
	w.s.fail(fmt.Errorf("subscription %q: the event at %s failed: %w", w.s.key, w.position, err))
	if w.heard.settle() {
		each(w.s.hooks.failed, func(o EventFailedObserver) { o.EventFailed(w.event(0, err)) })
	}
}

// count makes a flush due after every so many events.
func (s *Subscription) count() {
	if s.acks.Add(1)-s.flushed.Load() >= int64(s.opts.FlushEvery) {
		signal(s.due)
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
