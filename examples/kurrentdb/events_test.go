package main

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/kurrent-io/KurrentDB-Client-Go/kurrentdb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/memstore"
	"github.com/checkpointstore/checkpoint/subscription"
	"github.com/checkpointstore/checkpoint/tracker"
)

type position = checkpoint.Position

// read reads n items.
func (p *peer) read(t *testing.T, n int, last position, resumes bool) []item {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var got []item
	for i, err := range events(ctx, p.client, kurrentdb.SubscribeToAllOptions{}, last, resumes) {
		if err != nil {
			t.Fatalf("after %d items: %v", len(got), err)
		}
		if got = append(got, i); len(got) == n {
			break
		}
	}
	return got
}

func positions(items []item) []position {
	var out []position
	for _, i := range items {
		out = append(out, i.position)
	}
	return out
}

// Above 2^53, and with a prepare that is not the commit.
var far = position{Commit: 1<<63 + 12345678901, Prepare: 1<<63 + 12345678899}

func TestBeginsAtTheStartWithoutACheckpoint(t *testing.T) {
	p := newPeer(t, script{send: responses(event(0, 0), event(7, 5))})
	got := p.read(t, 2, position{}, false)
	if want := []position{{}, {Commit: 7, Prepare: 5}}; !slices.Equal(positions(got), want) {
		t.Errorf("read %v, want %v", positions(got), want)
	}
	if p.requests()[0].GetStart() == nil {
		t.Errorf("asked for %v, want the start", p.requests()[0])
	}
}

func TestResumesAfterTheCheckpoint(t *testing.T) {
	next := position{Commit: far.Commit + 1, Prepare: far.Prepare}
	p := newPeer(t, script{send: responses(event(next.Commit, next.Prepare))})
	if got := p.read(t, 1, far, true); got[0].position != next || got[0].event == nil {
		t.Errorf("read %v, want an event at %s", got, next)
	}
	p.wantAskedFrom(t, 0, far)
}

func (p *peer) wantAskedFrom(t *testing.T, n int, want position) {
	t.Helper()
	from := p.requests()[n].GetPosition()
	if from == nil || from.GetCommitPosition() != want.Commit || from.GetPreparePosition() != want.Prepare {
		t.Errorf("request %d asks for %v, want after %s", n, p.requests()[n], want)
	}
}

// TestWhatTheClientMakesOfFrom is why the adapter sets it, by value.
func TestWhatTheClientMakesOfFrom(t *testing.T) {
	p := newPeer(t)
	for _, from := range []kurrentdb.AllPosition{nil, &kurrentdb.Position{Commit: 7, Prepare: 7}} {
		sub, err := p.client.SubscribeToAll(t.Context(), kurrentdb.SubscribeToAllOptions{From: from})
		if err != nil {
			t.Fatal(err)
		}
		sub.Close()
	}
	if asked := p.requests(); asked[0].GetEnd() == nil || asked[1].GetAllOption() != nil {
		t.Errorf("nil asks for %v, a pointer for %v; docs/kurrentdb.md says the end, and nothing", asked[0], asked[1])
	}
}

func TestConnectsAgainAfterWhatItHasRead(t *testing.T) {
	p := newPeer(t,
		script{send: responses(event(1, 1), event(2, 2)), end: errDropped},
		script{end: errDropped}, // nothing since
		script{end: status.Error(codes.Aborted, "the consumer is too slow")},
		script{send: responses(event(1, 1), event(2, 2), event(far.Commit, far.Prepare))}, // some of it again
	)
	got := p.read(t, 3, position{}, false)
	if want := []position{{Commit: 1, Prepare: 1}, {Commit: 2, Prepare: 2}, far}; !slices.Equal(positions(got), want) {
		t.Errorf("read %v, want %v", positions(got), want)
	}
	for n := 1; n < 4; n++ {
		p.wantAskedFrom(t, n, position{Commit: 2, Prepare: 2})
	}
}

func TestNothingAtAllIsNoEnd(t *testing.T) {
	p := newPeer(t, script{send: responses(event(1, 1), caughtUp(), caughtUp(), event(2, 2))})
	if got := p.read(t, 2, position{}, false); got[1].position.Commit != 2 {
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
	got := p.read(t, 2, position{}, false)
	if want := []position{{Commit: 10, Prepare: 9}, {Commit: 12, Prepare: 12}}; !slices.Equal(positions(got), want) {
		t.Errorf("read %v, want %v", positions(got), want)
	}
	if err := handle(t.Context(), got[1]); err != nil {
		t.Errorf("a link to a deleted event: %v", err)
	}
}

// consumed runs the whole consumer until its checkpoint is at p.
func (p *peer) consumed(t *testing.T, store *checkpoint.Store, want position) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- consume(ctx, p.client, store, true) }()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		cp, err := store.Get(t.Context(), key)
		if err == nil && cp.Position == want {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the checkpoint is %s, %v; want %s", cp.Position, err, want)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestCheckpointReachedIsStored has a filter that lets nothing pass for long.
func TestCheckpointReachedIsStored(t *testing.T) {
	store := checkpoint.New(memstore.New(), nil)
	p := newPeer(t, script{send: responses(
		event(1, 1), checkpointReached(1, 1), checkpointReached(far.Commit, far.Prepare), checkpointReached(far.Commit, far.Prepare),
	)})
	p.consumed(t, store, far)
	p.plan(script{send: responses(event(far.Commit, far.Prepare+1))})
	p.consumed(t, store, position{Commit: far.Commit, Prepare: far.Prepare + 1})
	p.wantAskedFrom(t, 1, far)
}

// TestEventBehindAPositionIsAnError: where the server says that it has passed a
// position, and then sends an event from before, one that was not seen is lost.
func TestEventBehindAPositionIsAnError(t *testing.T) {
	p := newPeer(t, script{send: responses(checkpointReached(9, 9), event(8, 8))})
	store := checkpoint.New(memstore.New(), nil)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := consume(ctx, p.client, store, true); !errors.Is(err, tracker.ErrOrder) {
		t.Errorf("consume: %v, want tracker.ErrOrder", err)
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
				for _, err := range events(ctx, p.client, kurrentdb.SubscribeToAllOptions{}, position{}, false) {
					ended <- err
				}
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

func TestEndsWhereAnotherAttemptCannotHelp(t *testing.T) {
	ends := func(p *peer, want kurrentdb.ErrorCode) {
		t.Helper()
		for i, err := range events(t.Context(), p.client, kurrentdb.SubscribeToAllOptions{}, position{}, false) {
			var e *kurrentdb.Error
			if errors.As(err, &e) && e.Code() == want {
				return
			}
			t.Fatalf("read %v, %v; want code %d", i.position, err, want)
		}
		t.Errorf("it ended without an error, want code %d", want)
	}
	refused := newPeer(t, script{refuse: status.Error(codes.PermissionDenied, "only admins read $all")})
	ends(refused, kurrentdb.ErrorCodeAccessDenied)

	gone := newPeer(t)
	gone.server.Stop()
	ends(gone, kurrentdb.ErrorCodeConnectionClosed)
}

func TestLogIDIsThatOfTheLog(t *testing.T) {
	a, b := newPeer(t), newPeer(t)
	var ids []string
	for _, p := range []*peer{a, a, b} {
		id, err := logID(t.Context(), p.client)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	if ids[0] != ids[1] || ids[0] == ids[2] {
		t.Errorf("one log is %q, then %q; another %q", ids[0], ids[1], ids[2])
	}
	store := checkpoint.New(memstore.New(), nil)
	a.plan(script{send: responses(event(1, 1))})
	a.consumed(t, store, position{Commit: 1, Prepare: 1})
	if err := consume(t.Context(), b.client, store, false); !errors.Is(err, subscription.ErrOtherLog) {
		t.Errorf("another log: %v, want ErrOtherLog", err)
	}
}
