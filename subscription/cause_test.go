package subscription_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/subscription"
)

// The answer for another key, with which an errgroup ends everybody's context,
// is none for this one.
func TestOpenTakesNoAnswerFromTheCauseOfItsContext(t *testing.T) {
	bubble(t, func(b bench) {
		_, missing := b.store.Get(b.Context(), "another")
		_, err := b.store.Acquire(b.Context(), key, "a", 24*time.Hour)
		if err := errors.Join(err, b.store.Set(b.Context(), key, at(7))); err != nil {
			b.Fatal(err)
		}
		for name, opts := range map[string]subscription.Options{
			"at once": {Missing: subscription.FromStart}, "while it waits for the lease": leased("b", true),
		} {
			ctx, cancel := context.WithCancelCause(b.Context())
			time.AfterFunc(time.Minute, func() { cancel(missing) })
			if name == "at once" {
				time.Sleep(time.Hour / 2)
			}
			s, err := subscription.Open(ctx, b.store, key, &opts)
			if err == nil {
				p, resumes := s.Resume()
				b.Errorf("%s: it resumes at %s, %v", name, p, resumes)
				s.Close(context.Background())
			} else if errors.Is(err, checkpoint.ErrNotFound) || !errors.Is(err, context.Canceled) {
				b.Errorf("%s: %v; want the end of the context alone", name, err)
			}
		}
	})
}

// The error of an event is the cause with which the subscription ends, and a
// flush that comes with it fails.
func TestTheErrorOfAnEventDoesNotSayThatAnotherInstanceIsAtWork(t *testing.T) {
	for _, reason := range []error{checkpoint.ErrFenced, subscription.ErrOvertaken} {
		bubble(t, func(b bench) {
			for n := range uint64(50) { // which of the two the flush sees first is by chance
				s := b.open(subscription.Options{FlushEvery: 1})
				done, failed := b.track(s, 2*n+1), b.track(s, 2*n+2)
				done.Done()
				failed.Fail(fmt.Errorf("another consumer: %w", reason))
				if err := s.Close(b.Context()); !errors.Is(err, reason) {
					b.Fatalf("Close: %v; want why the event failed", err)
				}
				b.wantStored(2*n + 1)
			}
		})
	}
}
