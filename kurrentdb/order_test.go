package kurrentdb

import (
	"errors"
	"log/slog"
	"math"
	"slices"
	"testing"

	"github.com/checkpointstore/checkpoint"
)

// TestEventAtOrBelowTheCheckpointIsAnError: a server that has another log sends events
// that this consumer has not seen.
func TestEventAtOrBelowTheCheckpointIsAnError(t *testing.T) {
	for name, scripts := range map[string][]script{
		"first connection":  {{send: responses(event(11, 11), event(12, 12), event(13, 13), event(2000, 2000))}},
		"the checkpoint":    {{send: responses(event(1000, 1000), event(2000, 2000))}},
		"second connection": {{end: errDropped}, {send: responses(event(11, 11), event(2000, 2000))}},
	} {
		p := newPeer(t, scripts...)
		before, err := end(p.all(t, at(1000)))
		if !errors.Is(err, ErrOrder) || checkpoint.Hint(err) == "" || len(before) > 0 {
			t.Errorf("%s: read %v, %v; want ErrOrder with a hint", name, positions(before), err)
		}
	}
}

// TestEventThatWasPassedOnAnotherConnectionIsAnError: a log that is wiped while the consumer
// runs begins anew.
func TestEventThatWasPassedOnAnotherConnectionIsAnError(t *testing.T) {
	p := newPeer(t,
		script{send: responses(event(1, 1), event(1000, 1000)), end: errDropped},
		script{send: responses(event(11, 11), event(2000, 2000))},
	)
	before, err := end(p.all(t, position{}))
	if want := []position{at(1), at(1000)}; !errors.Is(err, ErrOrder) || !slices.Equal(positions(before), want) {
		t.Errorf("read %v, %v; want %v and ErrOrder", positions(before), err, want)
	}
}

// TestLogThatIsReplaced while a consumer reads it: the events of the new log, up to where
// the consumer is, may never be sent.
func TestLogThatIsReplaced(t *testing.T) {
	for name, replace := range map[string]func(*peer){
		"by one without a name": func(p *peer) { p.first = nil },
		"by another":            func(p *peer) { p.first = recorded(0, 0) },
	} {
		p := newPeer(t,
			script{send: responses(event(1, 1), event(1000, 1000)), end: errDropped},
			script{end: errDropped}, // the same log
			script{send: responses(event(2000, 2000))},
		)
		if _, err := p.log.ID(t.Context()); err != nil {
			t.Fatal(err)
		}
		losses := 0
		p.log.Logger = slog.New(handlerFunc(func(slog.Record) {
			if losses++; losses == 2 {
				p.mu.Lock()
				defer p.mu.Unlock()
				replace(p)
			}
		}))
		before, err := end(p.all(t, position{}))
		if want := []position{at(1), at(1000)}; !errors.Is(err, ErrOtherLog) || checkpoint.Hint(err) == "" || !slices.Equal(positions(before), want) {
			t.Errorf("%s: read %v, %v; want %v and ErrOtherLog with a hint", name, positions(before), err, want)
		}
	}
}

// TestEventBehindAPositionIsAnError: if the server says that it has passed a position,
// and then sends an event from before, nobody has seen that event.
func TestEventBehindAPositionIsAnError(t *testing.T) {
	for name, sent := range map[string]script{
		"an event":   {send: responses(event(9, 9), event(8, 8))},
		"twice":      {send: responses(event(9, 9), event(9, 9))},
		"a position": {send: responses(checkpointReached(9, 9), event(8, 8))},
	} {
		before, err := end(newPeer(t, sent).all(t, position{}))
		if want := []position{at(9)}; !errors.Is(err, ErrOrder) || !slices.Equal(positions(before), want) {
			t.Errorf("%s: read %v, %v; want ErrOrder", name, positions(before), err)
		}
	}
}

// TestTheEndIsNoPosition: KurrentDB writes the end of a log as {Max, Max}. A consumer
// that stored it would skip every event from then on.
func TestTheEndIsNoPosition(t *testing.T) {
	const most = math.MaxUint64
	p := newPeer(t, script{send: responses(
		event(1, 1), checkpointReached(most, most), checkpointReached(most, 2), checkpointReached(2, most), event(2, 2),
	)})
	if got, want := read(t, p.all(t, position{}), 2), []position{at(1), at(2)}; !slices.Equal(positions(got), want) {
		t.Errorf("read %v, want %v", positions(got), want)
	}
	p = newPeer(t, script{send: responses(event(1, 1), event(most, most))})
	if before, err := end(p.all(t, position{})); err == nil || len(before) != 1 {
		t.Errorf("an event without a position: read %v, %v", positions(before), err)
	}
}

func TestPositionThatSaysNothingNewIsLeftOut(t *testing.T) {
	p := newPeer(t,
		script{send: responses(event(1, 1), checkpointReached(1, 1), checkpointReached(5, 5), checkpointReached(5, 5)), end: errDropped},
		script{send: responses(checkpointReached(5, 5), event(6, 6))},
	)
	got := read(t, p.all(t, position{}), 3)
	if want := []position{at(1), at(5), at(6)}; !slices.Equal(positions(got), want) || !got[1].IsEmpty() {
		t.Errorf("read %v, want %v", positions(got), want)
	}
	p.wantAskedFrom(t, 1, at(5))
}
