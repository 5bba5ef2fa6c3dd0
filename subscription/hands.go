package subscription

import (
	"context"
	"sync"
	"time"

	"github.com/checkpointstore/checkpoint"
)

// An InWork is an event that is in work.
type InWork struct {
	Position checkpoint.Position

	// Age is how long ago [Run] first called the event's handler. Without Run, Age
	// counts from when the subscription found that the event holds the low watermark
	// back. Then Age is too low, by up to a quarter of Options.StuckAfter.
	Age time.Duration

	Attempts int // how often Run has called the handler; 0 without Run
}

// hands hold the events in work: one hand for each of [Run]'s workers, or one for a
// caller that does not use Run.
type hands struct {
	mu      sync.Mutex
	workers map[*hand]struct{} // nil until Run is called
	caller  hand
}

// A hand holds the event that its worker handles.
type hand struct {
	mu       sync.Mutex
	position checkpoint.Position
	since    time.Time // zero: the hand is empty
	attempts int
	warned   time.Duration       // at which age, or zero
	furthest checkpoint.Position // of the events that it has begun
}

func (h *hands) add() *hand {
	own := new(hand)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.workers == nil {
		h.workers = make(map[*hand]struct{})
	}
	h.workers[own] = struct{}{}
	return own
}

func (h *hands) remove(own *hand) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.workers, own)
}

// busy reports whether a handler of Run is at work.
func (h *hands) busy() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for own := range h.workers {
		if _, busy := own.holds(time.Now()); busy {
			return true
		}
	}
	return false
}

// furthest returns the furthest position of the events that were begun. If ctx has ended
// before, no hand begins an event that is further.
func (h *hands) furthest() (p checkpoint.Position) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for own := range h.workers {
		own.mu.Lock()
		if own.furthest.Compare(p) > 0 {
			p = own.furthest
		}
		own.mu.Unlock()
	}
	return p
}

// all returns the hands to look at. The caller's hand holds what first returns, if
// anything.
func (h *hands) all(first func() (checkpoint.Position, bool), now time.Time) []*hand {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.workers == nil {
		h.caller.hold(first, now)
		return []*hand{&h.caller}
	}
	all := make([]*hand, 0, len(h.workers))
	for own := range h.workers {
		all = append(all, own)
	}
	return all
}

// begin takes the event at p, whose handler is called now, and reports true. If one of
// ctxs has ended, it reports false, and takes nothing.
func (h *hand) begin(p checkpoint.Position, now time.Time, ctxs ...context.Context) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, ctx := range ctxs {
		if ctx.Err() != nil {
			return false
		}
	}
	if p.Compare(h.furthest) > 0 {
		h.furthest = p
	}
	if h.since.IsZero() {
		h.position, h.since, h.attempts, h.warned = p, now, 0, 0
	}
	h.attempts++
	return true
}

func (h *hand) put() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.since = time.Time{}
}

// hold puts first, the caller's oldest event in flight, into the hand.
func (h *hand) hold(first func() (checkpoint.Position, bool), now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch p, ok := first(); {
	case !ok:
		h.since = time.Time{}
	case h.since.IsZero() || h.position != p:
		h.position, h.since, h.warned = p, now, 0
	}
}

func (h *hand) holds(now time.Time) (w InWork, busy bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.inWork(now)
}

func (h *hand) inWork(now time.Time) (w InWork, busy bool) {
	if h.since.IsZero() {
		return w, false
	}
	return InWork{Position: h.position, Age: now.Sub(h.since), Attempts: h.attempts}, true
}
