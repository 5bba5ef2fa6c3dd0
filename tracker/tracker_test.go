package tracker_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/tracker"
)

func at(n uint64) checkpoint.Position { return checkpoint.Position{Commit: n, Prepare: n} }

func track(t *testing.T, tr *tracker.Tracker, p checkpoint.Position) tracker.Token {
	t.Helper()
	token, err := tr.Track(p)
	if err != nil {
		t.Fatalf("Track(%v): %v", p, err)
	}
	return token
}

func wantLow(t *testing.T, tr *tracker.Tracker, want uint64) {
	t.Helper()
	low, ok := tr.LowWatermark()
	if ok != (want > 0) || ok && low != at(want) {
		t.Errorf("LowWatermark() = %v, %v, want %v", low, ok, want)
	}
}

// Each step tracks (t), skips (s) or acknowledges (a) the position n, and
// leaves the low watermark at low (0: none) with so many in flight.
func TestLowWatermark(t *testing.T) {
	type step struct {
		do       byte
		n        uint64
		low      uint64
		inFlight int
	}
	tests := map[string][]step{
		"in order":      {{'t', 1, 0, 1}, {'t', 2, 0, 2}, {'a', 1, 1, 1}, {'a', 2, 2, 0}},
		"reverse order": {{'t', 1, 0, 1}, {'t', 2, 0, 2}, {'t', 3, 0, 3}, {'a', 3, 0, 2}, {'a', 2, 0, 1}, {'a', 1, 3, 0}},
		"one by one":    {{'t', 1, 0, 1}, {'a', 1, 1, 0}, {'t', 5, 1, 1}, {'a', 5, 5, 0}},
		"middle held":   {{'t', 1, 0, 1}, {'t', 2, 0, 2}, {'t', 3, 0, 3}, {'a', 1, 1, 2}, {'a', 3, 1, 1}, {'t', 4, 1, 2}, {'a', 2, 3, 1}, {'a', 4, 4, 0}},
		"acknowledged again, as the newest of the low watermark": {
			{'t', 1, 0, 1}, {'t', 2, 0, 2}, {'a', 1, 1, 1}, {'a', 1, 1, 1}, {'a', 2, 2, 0}, {'a', 2, 2, 0},
		},
		"acknowledged again, long after": {
			{'t', 1, 0, 1}, {'t', 2, 0, 2}, {'t', 3, 0, 3}, {'a', 1, 1, 2}, {'a', 2, 2, 1}, {'a', 1, 2, 1}, {'a', 2, 2, 1}, {'a', 3, 3, 0}, {'a', 1, 3, 0},
		},
		"acknowledged again, while it waits for an earlier one": {
			{'t', 1, 0, 1}, {'t', 2, 0, 2}, {'t', 3, 0, 3}, {'a', 2, 0, 2}, {'a', 2, 0, 2}, {'a', 1, 2, 1}, {'a', 2, 2, 1}, {'a', 3, 3, 0},
		},
		"acknowledged again, with another one in work since": {
			{'t', 1, 0, 1}, {'a', 1, 1, 0}, {'t', 2, 1, 1}, {'a', 1, 1, 1}, {'t', 3, 1, 2}, {'a', 3, 1, 1}, {'a', 2, 3, 0},
		},
		"skipped with nothing in flight": {{'s', 7, 7, 0}, {'s', 8, 8, 0}, {'t', 9, 8, 1}, {'a', 9, 9, 0}},
		"skipped behind work":            {{'t', 1, 0, 1}, {'s', 2, 0, 1}, {'s', 3, 0, 1}, {'a', 1, 3, 0}},
		"skipped behind work that is done and waits": {
			{'t', 1, 0, 1}, {'t', 2, 0, 2}, {'a', 2, 0, 1}, {'s', 3, 0, 1}, {'t', 4, 0, 2}, {'a', 1, 3, 1}, {'a', 4, 4, 0},
		},
	}
	for name, steps := range tests {
		t.Run(name, func(t *testing.T) {
			var tr tracker.Tracker
			tokens := map[uint64]tracker.Token{}
			wantLow(t, &tr, 0)
			for _, s := range steps {
				before, _ := tr.LowWatermark()
				moved := false
				switch s.do {
				case 't':
					tokens[s.n] = track(t, &tr, at(s.n))
				case 's':
					if err := tr.Skip(at(s.n)); err != nil {
						t.Fatal(err)
					}
				case 'a':
					moved = tr.Ack(tokens[s.n])
				}
				wantLow(t, &tr, s.low)
				if n := tr.InFlight(); n != s.inFlight {
					t.Errorf("after %c%d: InFlight() = %d, want %d", s.do, s.n, n, s.inFlight)
				}
				if after, _ := tr.LowWatermark(); s.do == 'a' && moved != (after != before) {
					t.Errorf("after %c%d: Ack = %v, from %v to %v", s.do, s.n, moved, before, after)
				}
			}
		})
	}
}

func TestOrder(t *testing.T) {
	last := checkpoint.Position{Commit: 1 << 53, Prepare: 7}
	tests := []struct {
		p  checkpoint.Position
		ok bool
	}{
		{last, false},
		{checkpoint.Position{}, false},
		{checkpoint.Position{Commit: 1 << 53, Prepare: 6}, false},
		{checkpoint.Position{Commit: 1<<53 - 1, Prepare: math.MaxUint64}, false},
		{checkpoint.Position{Commit: 1 << 53, Prepare: 8}, true},
		{checkpoint.Position{Commit: 1<<53 + 1}, true},
		{checkpoint.Position{Commit: math.MaxUint64, Prepare: math.MaxUint64}, true},
	}
	add := map[string]func(*tracker.Tracker, checkpoint.Position) error{
		"Track": func(tr *tracker.Tracker, p checkpoint.Position) error { _, err := tr.Track(p); return err },
		"Skip":  (*tracker.Tracker).Skip,
	}
	for first, addFirst := range add {
		for second, addSecond := range add {
			for _, test := range tests {
				var tr tracker.Tracker
				if err := addFirst(&tr, last); err != nil {
					t.Fatal(err)
				}
				low, settled := tr.LowWatermark()
				inFlight := tr.InFlight()
				err := addSecond(&tr, test.p)
				again := second == "Skip" && test.p == last
				if (test.ok || again) && err != nil {
					t.Errorf("%s, then %s(%v): %v", first, second, test.p, err)
				}
				if test.ok {
					continue
				}
				if !again && !errors.Is(err, tracker.ErrOrder) ||
					err != nil && (!strings.Contains(err.Error(), test.p.String()) || !strings.Contains(err.Error(), last.String())) {
					t.Errorf("%s, then %s(%v): %v, want ErrOrder that names both positions", first, second, test.p, err)
				}
				if l, s := tr.LowWatermark(); l != low || s != settled || tr.InFlight() != inFlight {
					t.Errorf("%s, then %s(%v) changed the Tracker", first, second, test.p)
				}
			}
		}
	}
}

// KurrentDB's first event is at C:0/P:0: it is a position like any other.
func TestPositionZero(t *testing.T) {
	var tr tracker.Tracker
	tr.Ack(track(t, &tr, checkpoint.Position{}))
	if low, ok := tr.LowWatermark(); !ok || low != (checkpoint.Position{}) {
		t.Errorf("LowWatermark() = %v, %v, want C:0/P:0", low, ok)
	}
	if _, err := tr.Track(checkpoint.Position{}); !errors.Is(err, tracker.ErrOrder) {
		t.Errorf("the same again: %v", err)
	}
}

func TestHold(t *testing.T) {
	var tr tracker.Tracker
	done, failed, last := track(t, &tr, at(1)), track(t, &tr, at(2)), track(t, &tr, at(3))
	tr.Ack(done)
	tr.Hold(done) // too late
	tr.Hold(failed)
	for _, token := range []tracker.Token{last, failed, done} {
		if tr.Ack(token) {
			t.Error("an acknowledgement moved the low watermark past work that failed")
		}
	}
	wantLow(t, &tr, 1)
	if n := tr.InFlight(); n != 1 {
		t.Errorf("%d in flight, want the one that failed", n)
	}
}

func TestForeignTokens(t *testing.T) {
	var ours, theirs tracker.Tracker
	foreign := track(t, &theirs, at(1))
	first := track(t, &ours, at(1))
	for name, token := range map[string]tracker.Token{"zero": {}, "foreign": foreign} {
		if ours.Ack(token) || ours.InFlight() != 1 {
			t.Errorf("a %s token acknowledged a position", name)
		}
	}
	wantLow(t, &ours, 0)
	if !ours.Ack(first) {
		t.Error("its own token did not move the low watermark")
	}
	if ours.Ack(foreign) || ours.Ack(first) {
		t.Error("a token moved the low watermark of a Tracker with nothing in flight")
	}
	if new(tracker.Tracker).Ack(tracker.Token{}) {
		t.Error("the zero token moved the low watermark of the zero Tracker")
	}
	wantLow(t, &ours, 1)
	wantLow(t, &theirs, 0)
}

func TestAllocations(t *testing.T) {
	var tr tracker.Tracker
	const window = 1000
	tokens := make([]tracker.Token, window)
	next := uint64(0)
	step := func() {
		for i := range tokens {
			tr.Ack(tokens[i])
			next++
			tokens[i] = track(t, &tr, at(next))
			next++
			if err := tr.Skip(at(next)); err != nil {
				t.Fatal(err)
			}
		}
		tr.LowWatermark()
	}
	burst := func() { // fills the window, then empties it
		step()
		for _, token := range tokens {
			tr.Ack(token)
		}
	}
	for name, f := range map[string]func(){"steady": step, "bursts": burst} {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s: %v allocations for %d positions", name, n, window)
		}
	}
	next++
	track(t, &tr, at(next)) // and one that is never acknowledged
	if n := testing.AllocsPerRun(100, step); n != 0 {
		t.Errorf("oldest held: %v allocations for %d positions", n, window)
	}
}
