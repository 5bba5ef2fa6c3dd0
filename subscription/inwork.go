package subscription

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/tracker"
)

// An inWork is the events that are in work, and how many were.
type inWork struct {
	most    int             // how many may be in work at the same time
	ahead   int             // how many may be tracked past what is stored
	tracker tracker.Tracker // changes under mu, except for what Ack and Hold do
	room    chan struct{}   // of capacity 1: work is done that Track may wait for
	waiting atomic.Bool     // whether Track waits for room
	paused  atomic.Bool     // whether Track waits for the end of a pause
	stored  atomic.Int64    // at least how many of the tracked events are stored as done

	mu      sync.Mutex
	tracked int64               // events since Open; only Track changes it
	entered int64               // events tracked and skipped since Open
	last    checkpoint.Position // of those, or where it resumes
}

func (w *inWork) init(most, ahead int) {
	w.most, w.ahead, w.room = most, ahead, make(chan struct{}, 1)
}

// resumeAt begins after p.
func (w *inWork) resumeAt(p checkpoint.Position) error {
	w.last = p
	return w.tracker.Skip(p)
}

func (w *inWork) full() bool { return w.tracker.InFlight() >= w.most || w.far() || w.paused.Load() }

func (w *inWork) pause(paused bool) {
	w.paused.Store(paused)
	signal(w.room)
}

// far reports whether a crash would repeat as much as it may. It is for the goroutine
// that calls Track.
func (w *inWork) far() bool { return w.tracked-w.stored.Load() >= int64(w.ahead) }

// giveWay lets a flush that waits for a processor go on before Track must wait for it: a
// reader and handlers that always have work keep every processor for milliseconds. It is for
// the goroutine that calls Track, after each event.
func (w *inWork) giveWay() {
	const every = 64 // twice as often or half as often gains less
	if w.tracked%every == 0 && w.tracked-w.stored.Load() >= int64(w.ahead)/2 {
		runtime.Gosched()
	}
}

// settled returns how many events the low watermark covers, or fewer.
func (w *inWork) settled() int64 {
	w.mu.Lock()
	tracked := w.tracked
	w.mu.Unlock()
	return tracked - int64(w.tracker.Ahead())
}

// keep says that settled events are stored as done.
func (w *inWork) keep(settled int64) {
	w.stored.Store(max(settled, w.stored.Load()))
	if w.waiting.Load() {
		signal(w.room)
	}
}

// waitForRoom waits until an event may be tracked. If a flush would make room, it makes
// one due.
func (w *inWork) waitForRoom(ctx context.Context, l *life, due chan struct{}) error {
	w.waiting.Store(true)
	defer w.waiting.Store(false)
	for w.full() {
		if w.far() && w.settled() > w.stored.Load() {
			signal(due)
		}
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
		w.tracked++
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
