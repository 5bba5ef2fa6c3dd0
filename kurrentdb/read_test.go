package kurrentdb

import (
	"context"
	"errors"
	"iter"
	"slices"
	"testing"
	"time"

	kurrent "github.com/kurrent-io/KurrentDB-Client-Go/kurrentdb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/checkpointstore/checkpoint"
)

type position = checkpoint.Position

// at is a position whose two numbers are n.
func at(n uint64) position { return position{Commit: n, Prepare: n} }

// Above 2^53, and with a prepare that is not the commit.
var far = position{Commit: 1<<63 + 12345678901, Prepare: 1<<63 + 12345678899}

// all reads $all until the test ends.
func (p *peer) all(t *testing.T, after position) iter.Seq2[Event, error] {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return p.log.All(ctx, after, kurrent.SubscribeToAllOptions{})
}

// read reads n events.
func read(t *testing.T, events iter.Seq2[Event, error], n int) []Event {
	t.Helper()
	var got []Event
	for e, err := range events {
		if err != nil {
			t.Fatalf("after %d events: %v", len(got), err)
		}
		if got = append(got, e); len(got) == n {
			break
		}
	}
	return got
}

// end reads to the end, and returns what came before and the error.
func end(events iter.Seq2[Event, error]) (before []Event, err error) {
	for e, err := range events {
		if err != nil {
			return before, err
		}
		before = append(before, e)
	}
	return before, nil
}

func positions(events []Event) []position {
	var out []position
	for _, e := range events {
		out = append(out, e.Position())
	}
	return out
}

func (p *peer) wantAskedFrom(t *testing.T, n int, want position) {
	t.Helper()
	from := p.requests()[n].GetAll().GetPosition()
	if from == nil || from.GetCommitPosition() != want.Commit || from.GetPreparePosition() != want.Prepare {
		t.Errorf("request %d asks for %v, want after %s", n, p.requests()[n], want)
	}
}

func TestBeginsAtTheStartAfterTheZeroPosition(t *testing.T) {
	p := newPeer(t, script{send: responses(event(0, 1), event(7, 5))})
	got := read(t, p.all(t, position{}), 2)
	if want := []position{{Prepare: 1}, {Commit: 7, Prepare: 5}}; !slices.Equal(positions(got), want) {
		t.Errorf("read %v, want %v", positions(got), want)
	}
	if p.requests()[0].GetAll().GetStart() == nil {
		t.Errorf("asked for %v, want the start", p.requests()[0])
	}
}

func TestResumesAfterTheCheckpoint(t *testing.T) {
	next := position{Commit: far.Commit + 1, Prepare: far.Prepare}
	p := newPeer(t, script{send: responses(event(next.Commit, next.Prepare))})
	if got := read(t, p.all(t, far), 1); got[0].Position() != next || got[0].IsEmpty() {
		t.Errorf("read %v, want an event at %s", got, next)
	}
	p.wantAskedFrom(t, 0, far)
}

// TestWhatTheClientMakesOfFrom is why All sets it, by value.
func TestWhatTheClientMakesOfFrom(t *testing.T) {
	p := newPeer(t)
	client, err := p.log.connect()
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for _, from := range []kurrent.AllPosition{nil, &kurrent.Position{Commit: 7, Prepare: 7}} {
		sub, err := client.SubscribeToAll(t.Context(), kurrent.SubscribeToAllOptions{From: from})
		if err != nil {
			t.Fatal(err)
		}
		sub.Close()
	}
	if asked := p.requests(); asked[0].GetAll().GetEnd() == nil || asked[1].GetAll().GetAllOption() != nil {
		t.Errorf("nil asks for %v, a pointer for %v; docs/kurrentdb.md says the end, and nothing", asked[0], asked[1])
	}
}

func TestNothingAtAllIsNoEnd(t *testing.T) {
	p := newPeer(t, script{send: responses(event(1, 1), caughtUp(), caughtUp(), event(2, 2))})
	if got := read(t, p.all(t, position{}), 2); got[1].Position() != at(2) {
		t.Errorf("read %v", positions(got))
	}
	if n := len(p.requests()); n != 1 {
		t.Errorf("it subscribed %d times, want once", n)
	}
}

func TestLinkStandsWhereItIsInTheLog(t *testing.T) {
	p := newPeer(t, script{send: responses(
		appeared(recorded(3, 3), recorded(10, 9)),
		appeared(nil, recorded(12, 12)), // what it points to is deleted
	)})
	got := read(t, p.all(t, position{}), 2)
	if want := []position{{Commit: 10, Prepare: 9}, at(12)}; !slices.Equal(positions(got), want) {
		t.Errorf("read %v, want %v", positions(got), want)
	}
	if got[1].StreamID() != "order-1" || got[1].Event != nil {
		t.Errorf("a link to a deleted event is %v", got[1])
	}
}

func TestStreamIsReadByRevision(t *testing.T) {
	p := newPeer(t,
		script{send: responses(revision(0), revision(1)), end: errDropped},
		script{send: responses(revision(2))},
	)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	got := read(t, p.log.Stream(ctx, "order-1", position{}, kurrent.SubscribeToStreamOptions{}), 3)
	if want := []position{at(1), at(2), at(3)}; !slices.Equal(positions(got), want) {
		t.Errorf("read %v, want %v", positions(got), want)
	}
	asked := p.requests()
	if asked[0].GetStream().GetStart() == nil || asked[1].GetStream().GetRevision() != 1 {
		t.Errorf("asked for %v, want the start, then after revision 1", asked)
	}
	if _, err := end(p.log.Stream(ctx, "order-1", far, kurrent.SubscribeToStreamOptions{})); err == nil {
		t.Error("a position of $all was taken for one of a stream")
	}
}

func TestEndsWithItsContext(t *testing.T) {
	for name, scripts := range map[string][]script{
		"while it waits for an event": nil,
		"while it waits to reconnect": slices.Repeat([]script{{end: errDropped}}, 20),
	} {
		t.Run(name, func(t *testing.T) {
			p := newPeer(t, scripts...)
			cause := errors.New("the signal")
			ctx, cancel := context.WithCancelCause(t.Context())
			ended := make(chan error, 1)
			go func() {
				_, err := end(p.log.All(ctx, position{}, kurrent.SubscribeToAllOptions{}))
				ended <- err
			}()
			for len(p.requests()) <= min(1, len(scripts)) {
				time.Sleep(time.Millisecond)
				if t.Context().Err() != nil {
					t.Fatal("it does not subscribe")
				}
			}
			cancel(cause)
			if err := <-ended; !errors.Is(err, cause) {
				t.Errorf("it ended with %v, want the context's cause", err)
			}
		})
	}
}

func TestEndsIfAnotherAttemptCannotHelp(t *testing.T) {
	for code, want := range map[codes.Code]kurrent.ErrorCode{
		codes.PermissionDenied: kurrent.ErrorCodeAccessDenied,
		codes.Unauthenticated:  kurrent.ErrorCodeUnauthenticated,
		codes.Unimplemented:    kurrent.ErrorCodeUnsupportedFeature,
	} {
		p := newPeer(t, script{refuse: status.Error(code, "only admins read $all")})
		before, err := end(p.all(t, position{}))
		if !hasCode(err, want) || len(before) > 0 {
			t.Errorf("%v: read %v, %v; want code %d", code, positions(before), err, want)
		}
	}
	if _, err := end((&Log{}).All(t.Context(), position{}, kurrent.SubscribeToAllOptions{})); err == nil {
		t.Error("a Log without a Config reads")
	}
}
