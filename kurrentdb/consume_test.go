package kurrentdb

import (
	"context"
	"iter"
	"testing"
	"time"

	kurrent "github.com/kurrent-io/KurrentDB-Client-Go/kurrentdb"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/memstore"
	"github.com/checkpointstore/checkpoint/subscription"
)

// TestPassedPositionIsStored has a filter that lets nothing pass for long.
func TestPassedPositionIsStored(t *testing.T) {
	store := checkpoint.New(memstore.New(), nil)
	p := newPeer(t, script{send: responses(event(1, 1), checkpointReached(far.Commit, far.Prepare))})
	p.consumeUntil(t, store, far)
	next := position{Commit: far.Commit, Prepare: far.Prepare + 1}
	p.plan(script{send: responses(event(next.Commit, next.Prepare))})
	p.consumeUntil(t, store, next)
	p.wantAskedFrom(t, 1, far)
}

// consumeUntil runs a consumer until its checkpoint is at a position.
func (p *peer) consumeUntil(t *testing.T, store *checkpoint.Store, want position) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
	defer stop()
	s, err := subscription.Open(ctx, store, "orders", &subscription.Options{Missing: subscription.FromStart, FlushEvery: 1})
	if err != nil {
		t.Fatal(err)
	}
	after, _ := s.Resume()
	read := func(ctx context.Context) iter.Seq2[Event, error] {
		return p.log.All(ctx, after, kurrent.SubscribeToAllOptions{})
	}
	ended := make(chan error, 1)
	go func() {
		ended <- subscription.Run(ctx, s, read, subscription.Handler[Event]{
			Position: Event.Position,
			Ignore:   Event.IsEmpty,
			Handle:   func(context.Context, Event) error { return nil },
		})
	}()
	for s.Stats().Stored != want && ctx.Err() == nil {
		time.Sleep(time.Millisecond)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if cp, err := store.Get(t.Context(), "orders"); err != nil || cp.Position != want {
		t.Errorf("the checkpoint is %s, %v; want %s", cp.Position, err, want)
	}
}
