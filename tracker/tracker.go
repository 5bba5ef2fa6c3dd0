// Package tracker turns acknowledgements that come in any order into the one
// position that a consumer may store: the low watermark, the highest position
// of the log with nothing unacknowledged at or below it.
//
// Positions are tracked in the order of the log, handed to workers, and
// acknowledged as the work on them ends. A consumer that stores the low
// watermark, and nothing else, never skips an event: after a crash it repeats
// at most those that were done since it last stored, or behind one that was not.
//
// The package does no I/O, starts no goroutine and knows no time.
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

// A Tracker knows which positions of a log are in work. The zero Tracker is
// ready, and stands before every position. A consumer that resumes calls
// [Tracker.Skip] first, with the position of its checkpoint.
//
// Its methods may be called from any number of goroutines at once. Track and
// Skip want positions in ascending order, though, so that the one goroutine
// which reads the log calls them; Ack may come from anywhere. A Tracker must
// not be copied, nor reset: a new reader of the log needs a new one, so that
// work on what the old one read acknowledges nothing in it.
//
// Every method takes constant time, on average, however many positions are in
// flight; but Ack searches among them, in logarithmic time, for one that many
// later ones have overtaken. What is kept is proportional to the number in flight, and not to how
// far the oldest of them is behind: one that is never acknowledged holds the
// low watermark, but not the memory of all that is done after it. Memory that
// a peak needed is given back while positions are tracked: once as many as
// there was room for went by without a need for a quarter of it. Nothing is
// allocated otherwise.
type Tracker struct {
	mu sync.Mutex
	pending
	last    checkpoint.Position // tracked or skipped
	started bool                // whether there is a last
	low     checkpoint.Position
	settled bool // whether there is a low
}

// A Token stands for one tracked position, and acknowledges it. It is small,
// and may be copied, compared and kept for as long as one likes. The zero
// Token stands for none.
type Token struct {
	tracker *Tracker
	seq     uint64
}

// Track adds p, which is in flight from now until its Token is acknowledged.
// A p that does not come after the last position tracked or skipped is
// [ErrOrder], and changes nothing: to acknowledge it could cover one before it
// that is still in work.
func (t *Tracker) Track(p checkpoint.Position) (Token, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.advance(p); err != nil {
		return Token{}, err
	}
	return Token{tracker: t, seq: t.push(p)}, nil
}

// Skip adds p as a position without work: Track and Ack in one step. Its error
// is that of [Tracker.Track], but the last position again, as a log may report
// it, changes nothing and is none. It is also how a Tracker starts at a stored
// position, which is then its low watermark. A skipped position takes no
// memory.
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

// Ack says that the work on the position of token is done, and reports whether
// the low watermark moved. To acknowledge again changes nothing, and neither
// does the zero Token or one of another Tracker.
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

// Hold keeps the position of token in flight for good, because the work on it
// has failed: to acknowledge it changes nothing any more. Nor does Hold if it
// was acknowledged before, or for a token that Ack would not take.
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

// LowWatermark returns the highest position, of those tracked and skipped,
// with none unacknowledged at or below it. It never goes back. It is false as
// long as there is none: nothing was tracked or skipped, or the first position
// is still in flight.
func (t *Tracker) LowWatermark() (checkpoint.Position, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.low, t.settled
}

// Ahead returns how many tracked positions are past the low watermark, acknowledged
// or not: a consumer that has stored the low watermark repeats so many after a crash.
// Skipped positions do not count.
func (t *Tracker) Ahead() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.ahead()
}

// Oldest returns the first position in flight, which holds the low watermark where it
// is. It is false if none is in flight.
func (t *Tracker) Oldest() (checkpoint.Position, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.n == 0 {
		return checkpoint.Position{}, false
	}
	return t.at(0).p, true
}

// InFlight returns how many positions are tracked and not acknowledged. At
// zero, the low watermark is the last position tracked or skipped.
func (t *Tracker) InFlight() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.inFlight
}
