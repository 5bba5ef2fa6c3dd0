package subscription_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/memstore"
	"github.com/checkpointstore/checkpoint/subscription"
	"github.com/checkpointstore/checkpoint/tracker"
)

const key = "orders"

var errEngine = errors.New("the engine is away")

func at(n uint64) checkpoint.Position { return checkpoint.Position{Commit: n, Prepare: n} }

// A bench is a store that tests can disturb, in a bubble of fake time.
type bench struct {
	*testing.T
	mem   *memstore.Driver
	store *checkpoint.Store
}

func bubble(t *testing.T, f func(b bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		mem := memstore.New()
		f(bench{t, mem, checkpoint.New(mem, nil)})
	})
}

func (b bench) open(opts subscription.Options) *subscription.Subscription {
	b.Helper()
	if opts.Missing == subscription.Refuse {
		opts.Missing = subscription.FromStart
	}
	s, err := subscription.Open(b.Context(), b.store, key, &opts)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close(context.Background()) })
	return s
}

func (b bench) track(s *subscription.Subscription, n uint64) subscription.Work {
	b.Helper()
	w, err := s.Track(b.Context(), at(n))
	if err != nil {
		b.Fatal(err)
	}
	return w
}

// stored is the commit of the checkpoint, or 0 where there is none.
func (b bench) stored() uint64 {
	b.Helper()
	cp, err := b.store.Get(b.Context(), key)
	if err != nil && !errors.Is(err, checkpoint.ErrNotFound) {
		b.Fatal(err)
	}
	return cp.Position.Commit
}

func (b bench) wantStored(want uint64) {
	b.Helper()
	synctest.Wait()
	if got := b.stored(); got != want {
		b.Errorf("stored is %d, want %d", got, want)
	}
}

func TestResume(t *testing.T) {
	bubble(t, func(b bench) {
		s := b.open(subscription.Options{})
		if p, ok := s.Resume(); ok {
			b.Errorf("a first run resumes at %s", p)
		}
		b.track(s, 7).Done()
		if err := s.Close(b.Context()); err != nil {
			b.Error(err)
		}
		s = b.open(subscription.Options{})
		if p, ok := s.Resume(); !ok || p != at(7) {
			b.Errorf("the second run resumes at %s, %v; want %s", p, ok, at(7))
		}
		if _, err := s.Track(b.Context(), at(7)); !errors.Is(err, tracker.ErrOrder) {
			b.Errorf("an event that was processed is tracked again: %v", err)
		}
	})
}

func TestMissingCheckpoint(t *testing.T) {
	bubble(t, func(b bench) {
		_, err := subscription.Open(b.Context(), b.store, key, nil)
		if !errors.Is(err, subscription.ErrNoCheckpoint) {
			b.Errorf("Open without a checkpoint: %v; want ErrNoCheckpoint", err)
		}
		// Neither damage nor a failure is a missing checkpoint, whatever Missing says.
		opts := &subscription.Options{Missing: subscription.FromStart}
		b.mem.Damage(key)
		if _, err := subscription.Open(b.Context(), b.store, key, opts); !errors.Is(err, checkpoint.ErrCorrupt) {
			b.Errorf("Open of a damaged checkpoint: %v; want ErrCorrupt", err)
		}
		b.mem.Fail(errEngine)
		if _, err := subscription.Open(b.Context(), b.store, key, opts); !errors.Is(err, errEngine) {
			b.Errorf("Open of a store that fails: %v; want its error", err)
		}
	})
}

func TestFlushAfterSoManyEvents(t *testing.T) {
	bubble(t, func(b bench) {
		s := b.open(subscription.Options{FlushEvery: 10, FlushAfter: time.Hour})
		for n := range uint64(25) {
			b.track(s, n+1).Done()
			synctest.Wait()
			if want := (n + 1) / 10 * 10; b.stored() != want {
				b.Fatalf("after event %d stored is %d, want %d", n+1, b.stored(), want)
			}
		}
	})
}

func TestFlushAfterSomeTime(t *testing.T) {
	bubble(t, func(b bench) {
		s := b.open(subscription.Options{FlushAfter: time.Second})
		b.track(s, 1).Done()
		b.wantStored(0)
		time.Sleep(time.Second)
		b.wantStored(1)
		cp, err := b.store.Get(b.Context(), key)
		if err != nil || !cp.UpdatedAt.Equal(time.Now()) || !s.Stats().StoredAt.Equal(time.Now()) {
			b.Errorf("stored just now, but updated at %v (%v), and Stats say %v", cp.UpdatedAt, err, s.Stats().StoredAt)
		}
		time.Sleep(time.Hour)
		if got := s.Stats().Flushes; got != 2 {
			b.Errorf("an idle subscription has stored %d times, want once beside Open", got)
		}
	})
}

// TestNothingPastUnfinishedWork is what the package is for.
func TestNothingPastUnfinishedWork(t *testing.T) {
	bubble(t, func(b bench) {
		s := b.open(subscription.Options{FlushEvery: 1})
		var work []subscription.Work
		for n := range uint64(10) {
			work = append(work, b.track(s, n+1))
		}
		for _, w := range work[3:] {
			w.Done()
		}
		time.Sleep(time.Minute)
		b.wantStored(0)
		work[0].Done()
		work[0].Done() // once more changes nothing
		b.wantStored(1)
		work[2].Done()
		b.wantStored(1)
		if err := s.Close(b.Context()); err != nil {
			b.Error(err)
		}
		b.wantStored(1)
		work[1].Done() // too late
		b.wantStored(1)
	})
}

func TestSkipMovesOn(t *testing.T) {
	bubble(t, func(b bench) {
		s := b.open(subscription.Options{FlushEvery: 1})
		for n := range uint64(5) {
			if err := s.Skip(at(n + 1)); err != nil {
				b.Fatal(err)
			}
		}
		b.wantStored(5)
		w := b.track(s, 6)
		if err := s.Skip(at(7)); err != nil {
			b.Fatal(err)
		}
		time.Sleep(time.Minute)
		b.wantStored(5)
		w.Done()
		b.wantStored(7)
	})
}

func TestFailedEventEndsTheSubscription(t *testing.T) {
	bubble(t, func(b bench) {
		s := b.open(subscription.Options{FlushAfter: time.Hour})
		b.track(s, 1).Done()
		failing := b.track(s, 2)
		b.track(s, 3).Done()
		why := errors.New("the handler's reason")
		failing.Fail(why)
		<-s.Context().Done()
		if err := context.Cause(s.Context()); !errors.Is(err, why) {
			b.Errorf("the context's cause is %v, want the handler's error", err)
		}
		if _, err := s.Track(b.Context(), at(4)); !errors.Is(err, why) {
			b.Errorf("Track after a failure: %v", err)
		}
		if err := s.Close(b.Context()); !errors.Is(err, why) {
			b.Errorf("Close: %v; want the handler's error", err)
		}
		b.wantStored(1) // what was done before it is not done again
	})
}

func TestTrackWaitsForRoom(t *testing.T) {
	bubble(t, func(b bench) {
		s := b.open(subscription.Options{MaxInFlight: 2})
		first := b.track(s, 1)
		b.track(s, 2)
		ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
		defer cancel()
		if _, err := s.Track(ctx, at(3)); !errors.Is(err, context.DeadlineExceeded) {
			b.Errorf("Track with everything in flight: %v", err)
		}
		tracked := make(chan error)
		go func() {
			_, err := s.Track(b.Context(), at(3))
			tracked <- err
		}()
		synctest.Wait()
		select {
		case <-tracked:
			b.Error("Track did not wait")
		default:
		}
		first.Done()
		if err := <-tracked; err != nil {
			b.Error(err)
		}
		go func() {
			_, err := s.Track(context.Background(), at(4))
			tracked <- err
		}()
		synctest.Wait()
		s.Close(b.Context())
		if err := <-tracked; !errors.Is(err, subscription.ErrClosed) {
			b.Errorf("Track that waits while the subscription is closed: %v", err)
		}
	})
}

func TestFlushEveryMayBeNever(t *testing.T) {
	bubble(t, func(b bench) {
		s := b.open(subscription.Options{FlushEvery: math.MaxInt, FlushAfter: time.Hour})
		b.track(s, 1).Done()
		time.Sleep(time.Hour)
		b.wantStored(1)
		b.track(s, 2).Done()
		b.wantStored(1)
	})
}

func TestFlushesThatFailAreTriedAgain(t *testing.T) {
	bubble(t, func(b bench) {
		s := b.open(subscription.Options{FlushAfter: time.Second, FlushTimeout: time.Minute})
		b.track(s, 1).Done()
		b.mem.Fail(errEngine)
		time.Sleep(30 * time.Second)
		if stats := s.Stats(); stats.FlushFailures == 0 || !errors.Is(stats.FlushError, errEngine) {
			b.Errorf("the failures do not show: %+v", stats)
		}
		if s.Context().Err() != nil {
			b.Fatalf("the subscription has ended: %v", s.Err())
		}
		b.mem.Fail(nil)
		time.Sleep(5 * time.Second)
		b.wantStored(1)
		if err := s.Stats().FlushError; err != nil {
			b.Errorf("after a flush that went well FlushError is %v", err)
		}
	})
}

func TestFlushesThatFailTooLongEndTheSubscription(t *testing.T) {
	bubble(t, func(b bench) {
		s := b.open(subscription.Options{FlushAfter: time.Second, FlushTimeout: time.Minute})
		b.track(s, 1).Done()
		b.mem.Fail(errEngine)
		time.Sleep(2 * time.Minute)
		if err := s.Err(); !errors.Is(err, errEngine) {
			b.Errorf("after two minutes without a store the subscription says %v", err)
		}
		b.mem.Fail(nil)
		if err := s.Close(b.Context()); !errors.Is(err, errEngine) {
			b.Errorf("Close: %v", err)
		}
		b.wantStored(1) // Close could store it all the same
	})
}

func TestCloseSaysWhatItCouldNotStore(t *testing.T) {
	bubble(t, func(b bench) {
		s := b.open(subscription.Options{FlushAfter: time.Hour})
		b.track(s, 1).Done()
		b.mem.Fail(errEngine)
		ctx, cancel := context.WithTimeout(b.Context(), 10*time.Second)
		defer cancel()
		if err := s.Close(ctx); !errors.Is(err, errEngine) {
			b.Errorf("Close without a store: %v; want its error", err)
		}
	})
}

func TestAnotherInstanceIsAhead(t *testing.T) {
	bubble(t, func(b bench) {
		s := b.open(subscription.Options{FlushEvery: 1})
		if err := b.store.Set(b.Context(), key, at(100)); err != nil {
			b.Fatal(err)
		}
		b.track(s, 1).Done()
		<-s.Context().Done()
		if err := s.Err(); !errors.Is(err, subscription.ErrOvertaken) {
			b.Errorf("the subscription says %v, want ErrOvertaken", err)
		}
		b.wantStored(100)
	})
}

func TestOptionsThatMakeNoSense(t *testing.T) {
	store := checkpoint.New(memstore.New(), nil)
	for name, opts := range map[string]subscription.Options{
		"FlushEvery":           {FlushEvery: -1},
		"MaxInFlight":          {MaxInFlight: -1},
		"MaxAhead":             {MaxAhead: -1},
		"StuckAfter":           {StuckAfter: -1},
		"DrainTimeout":         {DrainTimeout: -1},
		"FlushAfter":           {FlushAfter: -1},
		"FlushTimeout":         {FlushTimeout: -1},
		"TTL":                  {TTL: -1},
		"Lease.TTL":            {Lease: &subscription.Lease{Owner: "a", TTL: -1}},
		"Missing":              {Missing: 9},
		"handler sets the TTL": {StoredByHandler: true, TTL: time.Hour},
		"Head":                 {Missing: subscription.FromHead},
		"LogID":                {LogID: "a\nb"},
	} {
		s, err := subscription.Open(t.Context(), store, key, &opts)
		if err == nil {
			s.Close(t.Context())
		}
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("with a wrong %s: %v; want an error that names it", name, err)
		}
	}
}

func TestEngineWithoutLeases(t *testing.T) {
	store := checkpoint.New(struct{ driver.Driver }{memstore.New()}, nil)
	_, err := subscription.Open(t.Context(), store, key, &subscription.Options{
		Missing: subscription.FromStart, Lease: &subscription.Lease{Owner: "a"},
	})
	if !errors.Is(err, checkpoint.ErrNoLeases) {
		t.Errorf("Open with a lease on an engine without: %v; want ErrNoLeases", err)
	}
}
