package tracker_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/tracker"
)

// naive is the definition: every position there ever was, and whether it is
// done, or never will be.
type naive struct {
	positions []checkpoint.Position
	done      []bool
	held      []bool
}

func (m *naive) add(p checkpoint.Position, done bool) bool {
	if n := len(m.positions); n > 0 && p.Compare(m.positions[n-1]) <= 0 {
		return false
	}
	m.positions = append(m.positions, p)
	m.done = append(m.done, done)
	m.held = append(m.held, false)
	return true
}

func (m *naive) finish(i int) { m.done[i] = m.done[i] || !m.held[i] }

func (m *naive) hold(i int) { m.held[i] = !m.done[i] }

func (m *naive) low() (low checkpoint.Position, ok bool) {
	for i, p := range m.positions {
		if !m.done[i] {
			break
		}
		low, ok = p, true
	}
	return low, ok
}

func (m *naive) inFlight() (n int) {
	for _, done := range m.done {
		if !done {
			n++
		}
	}
	return n
}

// machine drives a Tracker and the model together.
type machine struct {
	tracker tracker.Tracker
	other   tracker.Tracker
	model   naive
	tokens  []tracker.Token // of each position of the model; zero where it was skipped
	foreign []tracker.Token
	last    uint64
	base    checkpoint.Position // what the numbers of the positions are added to
}

// step does what op and arg, any two bytes, stand for.
func (m *machine) step(t *testing.T, op, arg byte) {
	t.Helper()
	switch op % 8 {
	case 0, 1: // in order, with gaps
		m.last += 1 + uint64(arg%3)
		m.add(t, m.last, false)
		if arg >= 250 { // a burst, which makes the ring grow
			for range 100 {
				m.last++
				m.add(t, m.last, false)
			}
		}
	case 2:
		m.last += 1 + uint64(arg%3)
		m.add(t, m.last, true)
	case 3: // at or before the last
		m.add(t, m.last-min(m.last, uint64(arg%4)), arg >= 128)
	case 4, 5, 6: // any position, more often a recent one, done or not
		if n := len(m.tokens); n > 0 {
			back := int(arg)
			if op%8 == 6 {
				back *= 8
			}
			m.ack(t, max(0, n-1-back))
		}
	case 7:
		switch {
		case arg < 8:
			m.ackAll(t)
		case arg < 16:
			m.tracker.Ack(tracker.Token{})
			m.tracker.Hold(tracker.Token{})
		case arg < 18 && len(m.tokens) > 0: // seldom: it holds the low watermark for good
			i := len(m.tokens) - 1 - int(m.last)%min(len(m.tokens), 40)
			m.tracker.Hold(m.tokens[i])
			m.model.hold(i)
		default:
			token, err := m.other.Track(at(uint64(len(m.foreign)) + 1))
			if err != nil {
				t.Fatal(err)
			}
			m.foreign = append(m.foreign, token)
			m.tracker.Hold(token)
			if m.tracker.Ack(m.foreign[int(arg)%len(m.foreign)]) {
				t.Fatal("a foreign token moved the low watermark")
			}
		}
	}
	low, ok := m.tracker.LowWatermark()
	if wantLow, wantOK := m.model.low(); low != wantLow || ok != wantOK {
		t.Fatalf("LowWatermark() = %v, %v, want %v, %v", low, ok, wantLow, wantOK)
	}
	if n, want := m.tracker.InFlight(), m.model.inFlight(); n != want {
		t.Fatalf("InFlight() = %d, want %d", n, want)
	}
	m.checkOldest(t)
}

// checkOldest looks at what is past the low watermark.
func (m *machine) checkOldest(t *testing.T) {
	t.Helper()
	ahead, first := 0, slices.Index(m.model.done, false)
	if first >= 0 {
		for _, token := range m.tokens[first:] {
			if token != (tracker.Token{}) {
				ahead++
			}
		}
	}
	if n := m.tracker.Ahead(); n != ahead {
		t.Fatalf("Ahead() = %d, want %d", n, ahead)
	}
	oldest, ok := m.tracker.Oldest()
	if ok != (first >= 0) || ok && oldest != m.model.positions[first] {
		t.Fatalf("Oldest() = %v, %v, want that of %d in %v", oldest, ok, first, m.model.positions)
	}
}

func (m *machine) add(t *testing.T, n uint64, skip bool) {
	t.Helper()
	// Neighbours, to have positions that differ in one of their two alone.
	p := checkpoint.Position{Commit: m.base.Commit + n/4, Prepare: m.base.Prepare + n%4}
	var token tracker.Token
	var err error
	if skip {
		err = m.tracker.Skip(p)
	} else {
		token, err = m.tracker.Track(p)
	}
	if n := len(m.model.positions); skip && n > 0 && p == m.model.positions[n-1] {
		if err != nil {
			t.Fatalf("the last position, %v, skipped again: %v", p, err)
		}
		return
	}
	if !m.model.add(p, skip) {
		if !errors.Is(err, tracker.ErrOrder) {
			t.Fatalf("%v out of order: %v", p, err)
		}
		if m.tracker.Ack(token) {
			t.Fatal("the token of a position that was refused moved the low watermark")
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	m.tokens = append(m.tokens, token)
}

func (m *machine) ack(t *testing.T, i int) {
	t.Helper()
	before, beforeOK := m.model.low()
	if m.tokens[i] != (tracker.Token{}) {
		m.model.finish(i)
	}
	after, afterOK := m.model.low()
	want := before != after || beforeOK != afterOK
	if moved := m.tracker.Ack(m.tokens[i]); moved != want {
		t.Fatalf("Ack(%v) = %v, want %v", m.model.positions[i], moved, want)
	}
}

func (m *machine) ackAll(t *testing.T) {
	t.Helper()
	for i := range m.tokens {
		m.tracker.Ack(m.tokens[len(m.tokens)-1-i])
		m.model.finish(len(m.tokens) - 1 - i)
	}
	if n, want := m.tracker.InFlight(), m.model.inFlight(); n != want {
		t.Fatalf("%d in flight after all were acknowledged, want the %d that are held", n, want)
	}
	low, ok := m.tracker.LowWatermark()
	if wantLow, wantOK := m.model.low(); low != wantLow || ok != wantOK {
		t.Fatalf("LowWatermark() = %v, %v after all were acknowledged, want %v, %v", low, ok, wantLow, wantOK)
	}
}

// bases put the positions around zero, 2^53, 2^63 and, for prepares, 2^64-1.
var bases = []checkpoint.Position{
	{}, {Commit: 1<<53 - 20, Prepare: 1<<53 - 2}, {Commit: 1<<63 - 20, Prepare: 1<<63 - 2}, {Commit: 1 << 63, Prepare: 1<<64 - 4},
}

func TestAgainstModel(t *testing.T) {
	for n := range 200 {
		seed := rand.Uint64()
		t.Run(fmt.Sprintf("%d/seed=%d", n%len(bases), seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 0))
			m := machine{base: bases[n%len(bases)]}
			// Some runs acknowledge little and some a lot, some hold the first.
			ops := []byte{0, 1, 2, 3, 4, 5, 6, 7}[:4+rng.IntN(5)]
			hold := rng.IntN(2) == 0
			for i := range 100 + rng.IntN(900) {
				op, arg := ops[rng.IntN(len(ops))], byte(rng.Uint32())
				if hold && (op == 7 || i == 0) {
					op = 0
				}
				m.step(t, op, arg)
			}
			m.ackAll(t)
		})
	}
}

func FuzzTracker(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 4, 0, 4, 1})                                    // reverse order
	f.Add([]byte{0, 0, 4, 0, 0, 0, 4, 1, 0, 0, 4, 0, 4, 1, 4, 2})            // acknowledged again, with work since
	f.Add([]byte{2, 0, 0, 0, 2, 0, 3, 0, 3, 129, 4, 1, 4, 0})                // skipped, and out of order
	f.Add([]byte{0, 0, 0, 0, 0, 0, 7, 17, 4, 1, 7, 0, 0, 255, 0, 255, 7, 0}) // held
	f.Add([]byte{0, 255, 0, 255, 4, 50, 0, 255, 6, 20, 0, 1, 7, 0, 0, 1, 4, 0})
	f.Add([]byte{0, 0, 0, 255, 4, 0, 4, 1, 4, 2, 4, 3, 0, 255, 4, 99, 7, 20, 7, 8, 6, 255})
	f.Fuzz(func(t *testing.T, data []byte) {
		m := machine{base: bases[len(data)%len(bases)]}
		for len(data) >= 2 && len(m.tokens) < 2_000 {
			m.step(t, data[0], data[1])
			data = data[2:]
		}
		m.ackAll(t)
	})
}

// TestConcurrentAck acknowledges from many goroutines, each position up to
// twice, while one tracks and another watches.
func TestConcurrentAck(t *testing.T) {
	const last, workers = 20_000, 8
	seed := rand.Uint64()
	defer func() {
		if t.Failed() {
			t.Logf("seed %d", seed)
		}
	}()

	var tr tracker.Tracker
	// done is set before Ack is called: what the low watermark covers must be.
	var mu sync.Mutex
	done := make([]bool, last+1)
	type job struct {
		n     uint64
		token tracker.Token
	}
	jobs := make(chan job, 256)
	var group sync.WaitGroup
	for worker := range uint64(workers) {
		group.Go(func() {
			rng := rand.New(rand.NewPCG(seed, worker))
			var held []job
			finish := func(i int) {
				j := held[i]
				held[i] = held[len(held)-1]
				held = held[:len(held)-1]
				mu.Lock()
				done[j.n] = true
				mu.Unlock()
				tr.Ack(j.token)
				if rng.IntN(4) == 0 {
					if tr.Ack(j.token) {
						t.Error("the second acknowledgement moved the low watermark")
					}
				}
			}
			for j := range jobs {
				held = append(held, j)
				for len(held) > 0 && (len(held) > 64 || rng.IntN(2) == 0) {
					finish(rng.IntN(len(held)))
				}
			}
			for len(held) > 0 {
				finish(rng.IntN(len(held)))
			}
		})
	}
	finished := make(chan struct{})
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		checked := uint64(0)
		for {
			low, ok := tr.LowWatermark()
			if ok {
				if low.Commit < checked {
					t.Errorf("the low watermark went back from %d to %d", checked, low.Commit)
					return
				}
				mu.Lock()
				for ; checked < low.Commit; checked++ {
					if !done[checked+1] {
						t.Errorf("the low watermark %d is past %d, which is not acknowledged", low.Commit, checked+1)
					}
				}
				mu.Unlock()
			}
			select {
			case <-finished:
				return
			default:
			}
		}
	}()
	rng := rand.New(rand.NewPCG(seed, workers))
	for n := uint64(1); n <= last; n++ {
		if rng.IntN(8) == 0 {
			mu.Lock()
			done[n] = true
			mu.Unlock()
			if err := tr.Skip(at(n)); err != nil {
				t.Error(err)
			}
			continue
		}
		token, err := tr.Track(at(n))
		if err != nil {
			t.Error(err)
			break
		}
		jobs <- job{n, token}
	}
	close(jobs)
	group.Wait()
	close(finished)
	<-watched
	wantLow(t, &tr, last)
	if n := tr.InFlight(); n != 0 {
		t.Errorf("%d in flight at the end", n)
	}
}
