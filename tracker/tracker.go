// Package tracker turns acknowledgements that come in any order into the one
// position that a consumer may store: the low watermark. It is the highest
// position of the log with nothing unacknowledged at or below it.
//
// A consumer tracks positions in the order of the log, hands them to workers, and
// acknowledges each when the work on it ends. A consumer that stores the low
// watermark, and nothing else, never skips an event. After a crash it repeats, of
// the events that were done, at most the events done since it last stored, and the
// events behind one that was not done.
//
// The package does no I/O, starts no goroutine and uses no clock.
package tracker

import (
	"errors"
	"fmt"
	"sync"

	"github.com/checkpointstore/checkpoint"
)

// ErrOrder says that a position does not come after the last one that was
// tracked or skipped. The error that wraps it names both.
var ErrOrder = errors.New("position out of order")

// A Tracker knows which positions of a log are in work. The zero Tracker is ready, and
// stands before every position. A consumer that resumes calls [Tracker.Skip] first,
// with the position of its checkpoint.
//
// Its methods may be called from any number of goroutines at once. But Track and Skip
// need positions in ascending order, so call them from the one goroutine that reads the
// log. Ack may come from any goroutine. Do not copy a Tracker, and do not use one again
// for a new reader: a new reader of the log needs a new Tracker, so that work on what
// the old reader read acknowledges nothing in it.
//
// Every method takes constant time on average, however many positions are in flight.
// There is one exception: Ack takes logarithmic time for a position that many later
// ones have overtaken.
//
// Memory is proportional to the number of positions in flight, no matter how far the
// oldest of them is behind. A position that is never acknowledged holds the low
// watermark, but not the memory of the positions done after it. Track gives back the
// memory of a peak: once as many positions as there was room for went by, and needed no
// more than a quarter of it. Nothing is allocated otherwise.
type Tracker struct {
	mu sync.Mutex
	pending
	last    checkpoint.Position // tracked or skipped
	started bool                // whether there is a last
	low     checkpoint.Position
	settled bool // whether there is a low
}

// A Token stands for one tracked position, and acknowledges it. It is small, and may be
// copied, compared and kept for any time. The zero Token stands for no position.
type Token struct {
	tracker *Tracker
	seq     uint64
}

// Track adds p. From now on p is in flight, until its Token is acknowledged. If p does
// not come after the last position tracked or skipped, Track returns [ErrOrder] and
// changes nothing: to acknowledge such a p could cover an earlier position that is
// still in work.
func (t *Tracker) Track(p checkpoint.Position) (Token, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.advance(p); err != nil {
		return Token{}, err
	}
	return Token{tracker: t, seq: t.push(p)}, nil
}

// Skip adds p as a position without work: Track and Ack in one step. Its error is that
// of [Tracker.Track], with one exception: to skip the last position again, as a log may
// report it, changes nothing and is no error. With Skip a Tracker also starts at a
// stored position, which is then its low watermark. A skipped position takes no memory.
func (t *Tracker) Skip(p checkpoint.Position) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.started && p == t.last {
		return nil
	}
	if err := t.advance(p); err != nil {
		return err
	}
	if !t.extend(p) {
		t.low, t.settled = p, true
	}
	return nil
}

func (t *Tracker) advance(p checkpoint.Position) error {
	if t.started && p.Compare(t.last) <= 0 {
		return fmt.Errorf("tracker: %w: %v does not come after %v", ErrOrder, p, t.last)
	}
	t.last, t.started = p, true
	return nil
}

// Ack says that the work on the position of token is done, and reports whether the low
// watermark moved. A second Ack of one token changes nothing. Nor does an Ack of the
// zero Token, or of a token of another Tracker.
func (t *Tracker) Ack(token Token) bool {
	if token.tracker != t {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	low, moved := t.done(token.seq)
	if moved {
		t.low, t.settled = low, true
	}
	return moved
}

// Hold keeps the position of token in flight for good, because the work on it has
// failed. A later Ack of it changes nothing. Hold changes nothing if the position was
// acknowledged before, or if token is one that Ack does not take.
func (t *Tracker) Hold(token Token) {
	if token.tracker != t {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if e := t.find(token.seq); e != nil {
		e.held = true
	}
}

// LowWatermark returns the highest position, of those tracked and skipped, with none
// unacknowledged at or below it. It never goes back. It returns false as long as there
// is no low watermark: nothing was tracked or skipped, or the first position is still
// in flight.
func (t *Tracker) LowWatermark() (checkpoint.Position, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.low, t.settled
}

// Ahead returns how many tracked positions are past the low watermark, acknowledged or
// not. A consumer that has stored the low watermark repeats this many events after a
// crash. Skipped positions do not count.
func (t *Tracker) Ahead() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.ahead()
}

// Oldest returns the first position in flight: it holds the low watermark where it is.
// Oldest returns false if no position is in flight.
func (t *Tracker) Oldest() (checkpoint.Position, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.n == 0 {
		return checkpoint.Position{}, false
	}
	return t.at(0).p, true
}

// InFlight returns how many positions are tracked and not acknowledged. If it returns
// zero, the low watermark is the last position tracked or skipped.
func (t *Tracker) InFlight() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.inFlight
}
