package subscription

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/tracker"
)

// An inWork is the events that are in work, and how many were.
type inWork struct {
	most    int             // that may be at the same time
	tracker tracker.Tracker // changes under mu, except for what Ack and Hold do
	room    chan struct{}   // of capacity 1: work is done that Track may wait for
	waiting atomic.Bool     // whether Track does

	mu      sync.Mutex
	entered int64               // events tracked and skipped since Open
	last    checkpoint.Position // of those, or where it resumes
}

func (w *inWork) init(most int) { w.most, w.room = most, make(chan struct{}, 1) }

// resumeAt begins after p.
func (w *inWork) resumeAt(p checkpoint.Position) error {
	w.last = p
	return w.tracker.Skip(p)
}

func (w *inWork) full() bool { return w.tracker.InFlight() >= w.most }

// waitForRoom waits until an event may be tracked.
func (w *inWork) waitForRoom(ctx context.Context, l *life) error {
	w.waiting.Store(true)
	defer w.waiting.Store(false)
	for w.full() {
		select {
		case <-w.room:
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-l.ctx.Done():
			return context.Cause(l.ctx)
		case <-l.closing:
			return ErrClosed
		}
	}
	return nil
}

func (w *inWork) track(p checkpoint.Position) (tracker.Token, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	token, err := w.tracker.Track(p)
	if err == nil {
		w.enter(p)
	}
	return token, err
}

func (w *inWork) skip(p checkpoint.Position) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	err := w.tracker.Skip(p)
	if err == nil && p != w.last {
		w.enter(p)
	}
	return err
}

func (w *inWork) enter(p checkpoint.Position) {
	w.entered++
	w.last = p
}

func (w *inWork) ack(token tracker.Token) {
	w.tracker.Ack(token)
	if w.waiting.Load() {
		signal(w.room)
	}
}

// counts returns how many events are in work, and how many are done.
func (w *inWork) counts() (inFlight int, done int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	inFlight = w.tracker.InFlight()
	return inFlight, w.entered - int64(inFlight)
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
