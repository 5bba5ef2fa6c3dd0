package tracker

import (
	"math/bits"

	"github.com/checkpointstore/checkpoint"
)

const minRing = 16

// pending holds what the low watermark has not passed: a ring of entries in the
// order of the log. The first entry is always unacknowledged. The others may be
// done, and wait for the first. When the ring is full, each entry that is done is
// merged into the entry before it, which then covers its position, too. So a ring
// is never larger than a small multiple of what is in flight.
type pending struct {
	ring     []entry // its length is zero or a power of two
	head     int
	n        int
	inFlight int    // how many of the n entries are not done
	seq      uint64 // of the last entry; the first is 1

	// fit sizes the ring by turns. A turn is as many entries as the ring has room
	// for. Bursts that fill the ring again and again have their peak in every turn,
	// however empty the ring is in between.
	turn int // entries added in this turn
	peak int // the most in flight in this turn
}

type entry struct {
	p    checkpoint.Position // as it was pushed
	upTo checkpoint.Position // once done, the entry covers every position up to this one
	seq  uint64
	done bool
	held bool // the entry is never done
}

func (q *pending) at(i int) *entry { return &q.ring[(q.head+i)&(len(q.ring)-1)] }

// ahead returns how many positions were pushed from the first entry on.
func (q *pending) ahead() int {
	if q.n == 0 {
		return 0
	}
	return int(q.seq - q.ring[q.head].seq + 1)
}

func (q *pending) push(p checkpoint.Position) (seq uint64) {
	if q.n == len(q.ring) || q.turn == len(q.ring) {
		q.fit()
	}
	q.seq++
	*q.at(q.n) = entry{p: p, upTo: p, seq: q.seq}
	q.n++
	q.inFlight++
	q.turn++
	q.peak = max(q.peak, q.inFlight)
	return q.seq
}

// extend makes the last entry cover p. It returns false if there is no entry.
func (q *pending) extend(p checkpoint.Position) bool {
	if q.n == 0 {
		return false
	}
	q.at(q.n - 1).upTo = p
	return true
}

// done marks the entry seq. If the entry was the first, low is the new low watermark.
func (q *pending) done(seq uint64) (low checkpoint.Position, moved bool) {
	e := q.find(seq)
	if e == nil || e.done || e.held {
		return low, false
	}
	e.done = true
	q.inFlight--
	for q.n > 0 {
		first := &q.ring[q.head]
		if !first.done {
			break
		}
		low, moved = first.upTo, true
		q.head = (q.head + 1) & (len(q.ring) - 1)
		q.n--
	}
	return low, moved
}

func (q *pending) find(seq uint64) *entry {
	if q.n == 0 || seq < q.ring[q.head].seq {
		return nil
	}
	// Entries are merged only just before one is added. So the last entry has q.seq,
	// and the entries that were added since the last merge stand without a gap.
	if back := q.seq - seq; back < uint64(q.n) {
		if e := q.at(q.n - 1 - int(back)); e.seq == seq {
			return e
		}
	}
	low, high := 0, q.n
	for low < high {
		middle := int(uint(low+high) / 2)
		if q.at(middle).seq < seq {
			low = middle + 1
		} else {
			high = middle
		}
	}
	if low < q.n && q.at(low).seq == seq {
		return q.at(low)
	}
	return nil
}

// fit makes room for at least one more entry. It doubles a ring that is full if more
// than half of it is in flight. It shrinks a ring if the last turn has not needed more
// than a quarter of it: then the new ring has room for twice the peak. So between two
// moves of n entries, some n/2 or more were always added.
func (q *pending) fit() {
	size := len(q.ring)
	switch {
	case size == 0:
		size = minRing
	case q.n == size && q.inFlight > size/2:
		size *= 2
	case q.turn == size && q.peak <= size/4:
		size = max(minRing, 1<<bits.Len(uint(2*q.peak-1)))
	}
	if q.turn == len(q.ring) || size != len(q.ring) {
		q.turn, q.peak = 0, 0
	}
	if q.n == len(q.ring) || size != len(q.ring) {
		q.move(size)
	}
}

// move merges the entries that are done, in place or into a ring of another size.
func (q *pending) move(size int) {
	to := pending{ring: q.ring, head: q.head}
	if size != len(q.ring) {
		to = pending{ring: make([]entry, size)}
	}
	for i := range q.n {
		e := *q.at(i)
		if e.done {
			to.at(to.n - 1).upTo = e.upTo
			continue
		}
		*to.at(to.n) = e
		to.n++
	}
	q.ring, q.head, q.n = to.ring, to.head, to.n
}
