package subscription_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/subscription"
)

// A running instance that is paused reads no more, stores what it has done, and says why.
// It goes on after the pause with the next event.
func TestPauseOfARunningInstance(t *testing.T) {
	bubble(t, func(b bench) {
		var text strings.Builder
		var j journal
		opts := leased("a", false)
		opts.Logger = slog.New(slog.NewTextHandler(&text, nil))
		stop := b.runs(opts, ticking, subscription.Handler[uint64]{
			Handle: func(_ context.Context, n uint64) error { j.add(n); return nil },
			Ignore: func(n uint64) bool { return n%2 == 0 },
		})
		time.Sleep(10 * time.Second)
		if err := b.store.Pause(checkpoint.WithBy(b.Context(), "ana@db1", "a bad deploy"), key); err != nil {
			b.Fatal(err)
		}
		time.Sleep(6 * time.Second)
		paused := b.stored()
		s := b.statuses()["a"]
		if s.State != checkpoint.StatePaused || paused < 10 || paused > 16 || s.Position.Commit != paused {
			b.Errorf("paused at %d: %+v", paused, s)
		}
		if !strings.Contains(text.String(), "paused by ana@db1: a bad deploy") {
			b.Errorf("the log does not say why:\n%s", &text)
		}
		time.Sleep(time.Hour)
		b.wantStored(paused)
		if held, err := b.store.Inspect(b.Context(), key); err != nil || held.Lease.Owner != "a" || time.Until(held.Lease.ExpiresAt) < 0 {
			b.Errorf("the lease is %+v, %v, want that of a", held.Lease, err)
		}
		if err := b.store.Resume(b.Context(), key); err != nil {
			b.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		if now := b.stored(); now < paused+4 || b.statuses()["a"].State != checkpoint.StateRunning {
			b.Errorf("after the pause it is at %d, and was at %d: %+v", now, paused, b.statuses()["a"])
		}
		for i, n := range j.done {
			if n != uint64(2*i+1) {
				b.Fatalf("handled %v", j.done)
			}
		}
		if err := stop(); err != nil {
			b.Error(err)
		}
	})
}

func TestPauseHoldsUpTrack(t *testing.T) {
	bubble(t, func(b bench) {
		s := b.open(subscription.Options{})
		if err := b.store.Pause(b.Context(), key); err != nil {
			b.Fatal(err)
		}
		time.Sleep(6 * time.Second)
		ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
		defer cancel()
		if _, err := s.Track(ctx, at(1)); !errors.Is(err, context.DeadlineExceeded) {
			b.Errorf("Track in a pause: %v", err)
		}
		time.AfterFunc(time.Minute, func() { s.Close(b.Context()) })
		if _, err := s.Track(b.Context(), at(1)); !errors.Is(err, subscription.ErrClosed) {
			b.Errorf("Track in a pause, and at a Close: %v", err)
		}
	})
}

// A subscription that opens in a pause takes no lease, and no event.
func TestPauseHoldsUpOpen(t *testing.T) {
	bubble(t, func(b bench) {
		if err := b.store.Pause(b.Context(), key); err != nil {
			b.Fatal(err)
		}
		opened := make(chan *subscription.Subscription)
		go func() { opened <- b.open(leased("a", false)) }()
		time.Sleep(time.Hour)
		synctest.Wait()
		cell, err := b.store.Inspect(b.Context(), key)
		if s := b.statuses()["a"]; err != nil || cell.Lease.Exists() || cell.Checkpoint.Exists || s.State != checkpoint.StatePaused {
			b.Errorf("in the pause there is %+v, %v; the status is %+v", cell, err, s)
		}
		ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
		defer cancel()
		opts := leased("b", false)
		if _, err := subscription.Open(ctx, b.store, key, &opts); !errors.Is(err, context.DeadlineExceeded) {
			b.Errorf("Open whose context ends in the pause: %v", err)
		}
		if all := b.statuses(); len(all) != 1 {
			b.Errorf("an Open that has failed left %+v", all)
		}
		if err := b.store.Resume(b.Context(), key); err != nil {
			b.Fatal(err)
		}
		time.Sleep(6 * time.Second)
		select {
		case s := <-opened:
			b.track(s, 1).Done()
		default:
			b.Error("after the pause Open still waits")
		}
	})
}
