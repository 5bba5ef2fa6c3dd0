// Package tracker turns acknowledgements that come in any order into the one
// position that a consumer may store: the low watermark. It is the highest
// position of the log with no unacknowledged position at or below it.
//
// A consumer tracks positions in the order of the log, hands them to workers, and
// acknowledges each position when the work on it ends. A consumer that stores only the
// low watermark never skips an event. After a crash it repeats the events past the
// stored position: those done since it last stored, and those done after an event that
// was not done.
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
// log. Any goroutine may call Ack. Do not copy a Tracker. A new reader of the log needs a
// new Tracker, so that late work on the old reader's events acknowledges nothing in the
// new Tracker.
//
// Every method takes constant time on average, however many positions are in flight.
// There is one exception: Ack and Hold take logarithmic time for a position if many later
// positions were acknowledged before it.
//
// Memory is proportional to the number of positions in flight, no matter how far the
// oldest of them is behind. A position that is never acknowledged holds the low
// watermark back, but takes no memory for the positions done after it. After a peak, Track
// gives memory back: when it has tracked as many positions as there is room for, if at most
// a quarter of the room was in flight meanwhile. Only Track allocates memory.
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
// changes nothing: otherwise an Ack of p could cover an earlier position that is still
// in work.
func (t *Tracker) Track(p checkpoint.Position) (Token, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.advance(p); err != nil {
		return Token{}, err
	}
	return Token{tracker: t, seq: t.push(p)}, nil
}

// Skip adds p as a position without work: it tracks and acknowledges p in one step. It
// returns the errors of [Tracker.Track], with one exception: a log may report its last
// position again, so a second Skip of the last position changes nothing and is no error.
// A consumer that resumes skips the stored position, which is then the low watermark. A
// skipped position takes no memory.
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
// watermark moved. A second Ack of one token changes nothing. An Ack of the zero Token,
// or of a token of another Tracker, changes nothing either.
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
// failed. A later Ack of token changes nothing. Hold changes nothing if the position was
// acknowledged before, or if token is the zero Token or a token of another Tracker.
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

// LowWatermark returns the highest tracked or skipped position with no unacknowledged
// position at or below it. It never goes back. LowWatermark returns false as long as
// there is no low watermark: no position was tracked or skipped, or the first position
// is still in flight.
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
