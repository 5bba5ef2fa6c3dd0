package subscription

import (
	"slices"
	"sync"
	"time"

	"github.com/checkpointstore/checkpoint"
)

// paceWindow is how far back rates look.
const paceWindow = 30 * time.Second

// A reading is what a subscription knew at one report.
type reading struct {
	at   time.Time
	done int64
	low  checkpoint.Position
	head *checkpoint.Position // nil: not known
}

// A pace remembers readings, to tell how fast the subscription and the log move.
type pace struct{ readings []reading }

// add adds a reading, and returns the rates since the first reading within the window:
// events done in a second, and positions of the low watermark and of the head.
func (p *pace) add(r reading) (events, low float64, head *float64) {
	p.readings = append(p.readings, r)
	for len(p.readings) > 2 && r.at.Sub(p.readings[1].at) >= paceWindow {
		p.readings = p.readings[1:]
	}
	first := p.readings[0]
	seconds := r.at.Sub(first.at).Seconds()
	if seconds <= 0 {
		return 0, 0, nil
	}
	events = float64(r.done-first.done) / seconds
	low = moved(first.low, r.low) / seconds
	if first.head != nil && r.head != nil {
		head = new(moved(*first.head, *r.head) / seconds)
	}
	return events, low, head
}

func moved(from, to checkpoint.Position) float64 {
	if to.Commit < from.Commit {
		return -float64(from.Commit - to.Commit)
	}
	return float64(to.Commit - from.Commit)
}

// A seen is a position that the log had reached at a time.
type seen struct {
	position checkpoint.Position
	at       time.Time
}

// mostSeen bounds the memory of heads and of events' times.
const mostSeen = 512

// heads are the heads that the subscription has seen, in the order of their times. When
// they are too many, every other one goes.
type heads []seen

func (h *heads) add(head checkpoint.Position, at time.Time) {
	if n := len(*h); n > 0 && head.Compare((*h)[n-1].position) < 0 {
		*h = nil // it is another log
	}
	if len(*h) == mostSeen {
		*h = everyOther(*h)
	}
	*h = append(*h, seen{head, at})
}

// since returns when the log passed position p. If it had passed p when the first head was
// seen, since returns that time, and exact is false. It is the zero time if the log has not
// passed p.
func (h heads) since(p checkpoint.Position) (at time.Time, exact bool) {
	i := slices.IndexFunc(h, func(s seen) bool { return s.position.Compare(p) > 0 })
	switch {
	case i < 0:
		return time.Time{}, true
	case i == 0:
		return h[0].at, false
	}
	before, after := h[i-1], h[i]
	span, way := moved(before.position, after.position), moved(before.position, p)
	if span <= 0 {
		return after.at, true
	}
	return before.at.Add(time.Duration(way / span * float64(after.at.Sub(before.at)))), true
}

// eventTimes are the times of events that were read, and that may not be done.
type eventTimes struct {
	mu     sync.Mutex
	events []seen
	stride int // every which event is kept
	count  int
}

func (t *eventTimes) saw(p checkpoint.Position, at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.count++; t.count < t.stride {
		return
	}
	t.count = 0
	if len(t.events) == mostSeen {
		t.events = everyOther(t.events)
		t.stride = max(2, 2*t.stride)
	}
	t.events = append(t.events, seen{p, at})
}

// since returns the time of the first event past low, and forgets those before.
func (t *eventTimes) since(low checkpoint.Position) (at time.Time, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	past := slices.IndexFunc(t.events, func(s seen) bool { return s.position.Compare(low) > 0 })
	if past < 0 {
		t.events, t.stride = t.events[:0], 0
		return time.Time{}, false
	}
	t.events = slices.Delete(t.events, 0, past)
	return t.events[0].at, true
}

// everyOther leaves out every other one, and keeps the first.
func everyOther(all []seen) []seen {
	kept := all[:0]
	for i := 0; i < len(all); i += 2 {
		kept = append(kept, all[i])
	}
	return kept
}
