package subscription

import (
	"sync"
	"time"

	"github.com/checkpointstore/checkpoint"
)

// hands are those of [Run]'s workers.
type hands struct {
	mu  sync.Mutex
	all map[*hand]struct{}
}

// A hand is a worker's, and has the event that the worker handles.
type hand struct {
	mu       sync.Mutex
	position checkpoint.Position
	since    time.Time // zero: the hand is empty
	attempts int
}

// An InWork is an event that is in work.
type InWork struct {
	Position checkpoint.Position
	Age      time.Duration // since its handler was first called
	Attempts int           // how often its handler was called
}

func (h *hands) add() *hand {
	own := new(hand)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.all == nil {
		h.all = make(map[*hand]struct{})
	}
	h.all[own] = struct{}{}
	return own
}

func (h *hands) remove(own *hand) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.all, own)
}

func (h *hands) busy() bool {
	_, busy := h.oldest(time.Now())
	return busy
}

// oldest is the event that has been in work for the longest time.
func (h *hands) oldest(now time.Time) (oldest InWork, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for own := range h.all {
		if w, busy := own.holds(now); busy && (!ok || w.Age > oldest.Age) {
			oldest, ok = w, true
		}
	}
	return oldest, ok
}

func (h *hand) take(p checkpoint.Position, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.position, h.since, h.attempts = p, now, 0
}

func (h *hand) try(attempt int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.attempts = attempt
}

func (h *hand) put() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.since = time.Time{}
}

func (h *hand) holds(now time.Time) (w InWork, busy bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.since.IsZero() {
		return w, false
	}
	return InWork{Position: h.position, Age: now.Sub(h.since), Attempts: h.attempts}, true
}
