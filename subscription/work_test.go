package subscription_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/checkpointstore/checkpoint/subscription"
)

// TestDoneOfAFailedEvent is a handler with a deferred Done.
func TestDoneOfAFailedEvent(t *testing.T) {
	bubble(t, func(b bench) {
		s := b.open(subscription.Options{FlushAfter: time.Hour})
		b.track(s, 1).Done()
		failing, last := b.track(s, 2), b.track(s, 3)
		why := errors.New("the handler's reason")
		failing.Fail(why)
		failing.Done()
		last.Done()
		if err := s.Close(b.Context()); !errors.Is(err, why) {
			b.Errorf("Close: %v; want the handler's error", err)
		}
		b.wantStored(1)
	})
}

// The Work of an event that was refused stands for none.
func TestWorkOfARefusedEvent(t *testing.T) {
	bubble(t, func(b bench) {
		s := b.open(subscription.Options{})
		b.track(s, 2).Done()
		refused, err := s.Track(b.Context(), at(1))
		if err == nil {
			b.Fatal("an event out of order is tracked")
		}
		refused.Done()
		refused.Fail(err)
		if n := s.Stats().Done; n != 1 || s.Err() != nil {
			b.Errorf("after Done and Fail of a refused event %d are done, and the subscription says %v", n, s.Err())
		}
	})
}

// Work of one subscription does nothing to another.
func TestWorkOfAnEarlierRun(t *testing.T) {
	bubble(t, func(b bench) {
		first := b.open(subscription.Options{FlushEvery: 1})
		old := b.track(first, 1)
		first.Close(b.Context())
		second := b.open(subscription.Options{FlushEvery: 1})
		b.track(second, 1)
		old.Done()
		old.Fail(errEngine)
		synctest.Wait()
		time.Sleep(time.Minute)
		b.wantStored(0)
		if second.Err() != nil {
			b.Errorf("the second run ended with %v", second.Err())
		}
	})
}

// A position that is skipped again is no other event.
func TestSkipAgainCountsNothing(t *testing.T) {
	bubble(t, func(b bench) {
		if err := b.store.Set(b.Context(), key, at(1)); err != nil {
			b.Fatal(err)
		}
		s := b.open(subscription.Options{})
		skip := func(n uint64, want int64) {
			b.Helper()
			if err := s.Skip(at(n)); err != nil {
				b.Fatal(err)
			}
			if done := s.Stats().Done; done != want {
				b.Errorf("after skipping %d, %d are done, want %d", n, done, want)
			}
		}
		skip(1, 0) // where it resumes
		skip(2, 1)
		skip(2, 1)
		b.track(s, 3).Done()
		skip(3, 2)
		skip(4, 3)
	})
}
