package kurrentdb

import (
	"context"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func TestConnectsAgainAfterWhatItHasRead(t *testing.T) {
	p := newPeer(t,
		script{send: responses(event(1, 1), event(2, 2)), end: errDropped},
		script{end: errDropped}, // nothing since
		script{end: status.Error(codes.Aborted, "the consumer is too slow")},
		script{send: responses(event(far.Commit, far.Prepare))},
	)
	got := read(t, p.all(t, position{}), 3)
	if want := []position{at(1), at(2), far}; !slices.Equal(positions(got), want) {
		t.Errorf("read %v, want %v", positions(got), want)
	}
	for n := 1; n < 4; n++ {
		p.wantAskedFrom(t, n, at(2))
	}
}

// TestNoReasonOfADropIsFinal: the client of v1.4 gives a drop the code that a refused
// subscription has. A token that has expired is one reason, and the next attempt has a
// new one.
func TestNoReasonOfADropIsFinal(t *testing.T) {
	for _, code := range []codes.Code{
		codes.Unauthenticated, codes.PermissionDenied, codes.Unimplemented, codes.NotFound, codes.Unavailable,
	} {
		p := newPeer(t,
			script{send: responses(event(1, 1)), end: status.Error(code, "the token has expired")},
			script{send: responses(event(2, 2))},
		)
		if got := read(t, p.all(t, position{}), 2); got[1].Position() != at(2) {
			t.Errorf("%v: read %v", code, positions(got))
		}
	}
}

// TestNodeThatComesBack: a client that has found no node in all its attempts is closed
// for good, and the next one is not.
func TestNodeThatComesBack(t *testing.T) {
	p := newPeer(t, script{send: responses(event(1, 1))}, script{send: responses(event(2, 2))})
	address, losses := p.address, 0
	p.log.Logger = slog.New(handlerFunc(func(slog.Record) {
		if losses++; losses == 2 { // the first is the node's end, the second is that of a client
			p.serve(t, address)
		}
	}))
	var got []position
	for e, err := range p.all(t, position{}) {
		if err != nil {
			t.Fatal(err)
		}
		if got = append(got, e.Position()); len(got) == 2 {
			break
		}
		p.server.Stop()
	}
	if want := []position{at(1), at(2)}; !slices.Equal(got, want) {
		t.Errorf("read %v, want %v", got, want)
	}
}

// TestFollowerNamesTheLeader: the client that a follower has refused is on its way to
// the leader. A new client would be at the follower again.
func TestFollowerNamesTheLeader(t *testing.T) {
	leader := newPeer(t, script{send: responses(event(1, 1))})
	follower := newPeer(t, script{leader: leader}, script{refuse: status.Error(codes.PermissionDenied, "asked twice")})
	if got := read(t, follower.all(t, position{}), 1); got[0].Position() != at(1) {
		t.Errorf("read %v", positions(got))
	}
}

// A handlerFunc is told of every record.
type handlerFunc func(slog.Record)

func (handlerFunc) Enabled(context.Context, slog.Level) bool        { return true }
func (f handlerFunc) Handle(_ context.Context, r slog.Record) error { f(r); return nil }
func (f handlerFunc) WithAttrs([]slog.Attr) slog.Handler            { return f }
func (f handlerFunc) WithGroup(string) slog.Handler                 { return f }

// TestDropsLeaveNoConnection counts the goroutines of gRPC's connections.
func TestDropsLeaveNoConnection(t *testing.T) {
	const drops = 5
	p := newPeer(t)
	for n := range uint64(drops) {
		p.plan(script{send: responses(event(n, n+1)), end: errDropped})
	}
	p.plan(script{send: responses(event(drops, drops))})
	read(t, p.all(t, position{}), drops+1)
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		left := connections()
		if left == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d drops have left %d connections", drops, left)
		}
	}
}

// connections are those of gRPC's clients that are open.
func connections() int {
	stacks := make([]byte, 4<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	return strings.Count(string(stacks), "transport.(*http2Client).reader(")
}
