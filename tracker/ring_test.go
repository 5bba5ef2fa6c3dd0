package tracker

import (
	"testing"

	"github.com/checkpointstore/checkpoint"
)

type feed struct {
	t       *testing.T
	tracker Tracker
	next    uint64
}

func (f *feed) track(n int) []Token {
	f.t.Helper()
	tokens := make([]Token, n)
	for i := range tokens {
		f.next++
		token, err := f.tracker.Track(checkpoint.Position{Commit: f.next})
		if err != nil {
			f.t.Fatal(err)
		}
		tokens[i] = token
	}
	return tokens
}

func (f *feed) ack(tokens []Token) {
	for _, token := range tokens {
		f.tracker.Ack(token)
	}
}

func (f *feed) wantRoom(least, most int) {
	f.t.Helper()
	if n := len(f.tracker.ring); n < least || n > most {
		f.t.Errorf("a ring of %d with %d in flight, want %d to %d", n, f.tracker.inFlight, least, most)
	}
}

func TestRingGivesUpAPeak(t *testing.T) {
	const peak = 100_000
	f := &feed{t: t}
	f.ack(f.track(peak))
	f.wantRoom(peak, 2*peak)
	grown := len(f.tracker.ring)
	for range 2 * grown { // the rest of the turn of the peak, and one without it
		f.ack(f.track(1))
	}
	f.wantRoom(1, minRing)
}

// What is in flight moves to the smaller ring, with the tokens that it has.
func TestRingShrinksAroundWork(t *testing.T) {
	f := &feed{t: t}
	held := f.track(10_000)
	f.ack(held[1:9_900]) // all but the first and the last hundred
	for range 2 * len(f.tracker.ring) {
		f.ack(f.track(1))
	}
	f.wantRoom(102, 512)
	if low, ok := f.tracker.LowWatermark(); ok {
		t.Errorf("the low watermark passed the first position, to %v", low)
	}
	f.ack(held[9_900:])
	if n := f.tracker.InFlight(); n != 1 {
		t.Errorf("%d in flight, want the first alone", n)
	}
	f.ack(held[:1])
	if low, _ := f.tracker.LowWatermark(); low.Commit != f.next {
		t.Errorf("LowWatermark() = %v, want the last, %d", low, f.next)
	}
}

// A burst that comes again and again keeps its ring, though each one ends with
// nothing in flight.
func TestRingDoesNotThrash(t *testing.T) {
	for _, burst := range []int{17, 100, 257, 1_000, 1_025} {
		f := &feed{t: t}
		f.ack(f.track(burst))
		f.ack(f.track(burst))
		ring := &f.tracker.ring[0]
		for range 100 {
			f.ack(f.track(burst))
			if &f.tracker.ring[0] != ring {
				t.Fatalf("bursts of %d: another ring, of %d", burst, len(f.tracker.ring))
			}
		}
	}
}

// One position that is never acknowledged does not keep those behind it.
func TestRingOfAHeldPosition(t *testing.T) {
	f := &feed{t: t}
	f.track(1)
	for range 1_000 {
		f.ack(f.track(100))
	}
	f.wantRoom(101, 512)
}

func TestSkippedPositionsTakeNoRoom(t *testing.T) {
	f := &feed{t: t}
	f.track(1)
	for range 1_000 {
		f.next++
		if err := f.tracker.Skip(checkpoint.Position{Commit: f.next}); err != nil {
			t.Fatal(err)
		}
	}
	f.wantRoom(1, minRing)
}
