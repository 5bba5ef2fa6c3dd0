package subscription

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/tracker"
)

// A Work is one event that is in work. It may be copied, and used from any goroutine.
type Work struct {
	s        *Subscription
	token    tracker.Token
	position checkpoint.Position
	heard    *heard
}

// Track says that the event at p is in work from now on. It waits while
// Options.MaxInFlight events are in work, or Options.MaxAhead events are past the stored
// position, or the key is paused. If ctx ends meanwhile, or if the subscription has ended,
// Track returns the cause, and a zero Work, whose Done and Fail do nothing. If p does not
// come after the last position that was tracked or skipped, Track returns tracker.ErrOrder
// and changes nothing. No event has the zero Position: see [checkpoint.Offset].
func (s *Subscription) Track(ctx context.Context, p checkpoint.Position) (Work, error) {
	if s.work.full() {
		if err := s.work.waitForRoom(ctx, &s.life, s.flusher.due); err != nil {
			return Work{}, err
		}
	}
	if s.lease != nil {
		s.atWork(time.Now())
	}
	if err := s.life.over(); err != nil {
		return Work{}, err
	}
	token, err := s.work.track(p)
	if err != nil && p == (checkpoint.Position{}) {
		err = fmt.Errorf("%w: an event has the zero position, which is before every event: "+
			"use checkpoint.Offset if the log's first event is at 0", err)
	}
	if err != nil {
		return Work{}, err
	}
	return Work{s: s, token: token, position: p, heard: s.hooks.hear()}, nil
}

// Skip passes a position that carries no work: an event that a filter left out, or a
// position that the log reports by itself, as KurrentDB's CheckPointReached does. So a
// subscription whose filter lets no event pass still stores its progress. If p is before
// the last position that was tracked or skipped, Skip returns tracker.ErrOrder. If p is
// the last position, Skip changes nothing.
func (s *Subscription) Skip(p checkpoint.Position) error {
	if err := s.life.over(); err != nil {
		return err
	}
	if err := s.work.skip(p); err != nil {
		return err
	}
	s.flusher.count()
	return nil
}

// Done acknowledges the event: its work is done, and its effects are durable. A second
// Done changes nothing.
func (w Work) Done() {
	if w.s == nil {
		return
	}
	w.s.work.ack(w.token)
	w.s.flusher.count()
	if w.heard != nil {
		w.tellDone()
	}
}

// Fail ends the subscription, since it must store no position at or past this event. A
// later Done of the event changes nothing. A consumer that wants to go on stores the
// event elsewhere, and calls Done in place of Fail.
func (w Work) Fail(err error) {
	if w.s == nil {
		return
	}
	if err == nil {
		err = errors.New("no reason was given")
	}
	w.s.work.tracker.Hold(w.token)
	w.s.fail(fmt.Errorf("subscription %q: the event at %s failed: %w", w.s.key, w.position, err))
	if w.heard != nil {
		w.tellFailed(err)
	}
}
