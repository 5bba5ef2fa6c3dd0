package subscription_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/subscription"
)

// hung is a handler of which the events in stuck do not return until free.
func hung(free <-chan struct{}, stuck ...uint64) subscription.Handler[uint64] {
	return handling(func(_ context.Context, n uint64) error {
		for _, s := range stuck {
			if n == s {
				<-free
			}
		}
		return nil
	})
}

// An onlooker hears of stuck events alone.
type onlooker struct{ l *listener }

func (o onlooker) EventStuck(e subscription.Event) { o.l.EventStuck(e) }

func TestStuckHandlerIsSeen(t *testing.T) {
	bubble(t, func(b bench) {
		free := make(chan struct{})
		var text records
		var l listener
		s := b.open(subscription.Options{Logger: text.logger(), Observers: []checkpoint.Observer{onlooker{&l}}, FlushAfter: time.Hour})
		h := hung(free, 3)
		h.Workers = 2
		ended := make(chan error)
		go func() { ended <- subscription.Run(context.Background(), s, events(10), h) }()
		time.Sleep(9 * time.Minute)
		b.wantHeard(&l,
			"C:3/P:3 of orders stuck after 1m0s, attempt 1: <nil>", "C:3/P:3 of orders stuck after 2m0s, attempt 1: <nil>",
			"C:3/P:3 of orders stuck after 4m0s, attempt 1: <nil>", "C:3/P:3 of orders stuck after 8m0s, attempt 1: <nil>")
		for _, age := range []string{"1m0s", "2m0s", "4m0s", "8m0s"} {
			if want := "position=C:3/P:3 age=" + age + " attempts=1"; !strings.Contains(text.String(), "level=WARN") ||
				!strings.Contains(text.String(), want) {
				b.Errorf("the log does not warn of %s:\n%s", want, text.String())
			}
		}
		want := subscription.InWork{Position: at(3), Age: 9 * time.Minute, Attempts: 1}
		if got := s.Stats().Oldest; got != want {
			b.Errorf("the oldest in flight is %+v, want %+v", got, want)
		}
		close(free)
		if err := <-ended; err != nil {
			b.Error(err)
		}
		if got := s.Stats().Oldest; got != (subscription.InWork{}) {
			b.Errorf("when all is done the oldest in flight is %+v", got)
		}
	})
}

// TestEachStuckHandlerIsSeen, and not the first event alone.
func TestEachStuckHandlerIsSeen(t *testing.T) {
	bubble(t, func(b bench) {
		free := make(chan struct{})
		var text records
		s := b.open(subscription.Options{Logger: text.logger(), StuckAfter: time.Second})
		h := hung(free, 3, 5)
		h.Workers = 3
		time.AfterFunc(1500*time.Millisecond, func() { close(free) })
		if err := subscription.Run(b.Context(), s, events(10), h); err != nil {
			b.Error(err)
		}
		for _, p := range []string{"C:3/P:3", "C:5/P:5"} {
			if strings.Count(text.String(), "position="+p) != 1 {
				b.Errorf("the log does not warn once of %s:\n%s", p, text.String())
			}
		}
	})
}

// TestEventThatIsRetriedIsSeen with the number of its attempts.
func TestEventThatIsRetriedIsSeen(t *testing.T) {
	bubble(t, func(b bench) {
		var text records
		s := b.open(subscription.Options{Logger: text.logger()})
		h := handling(func(context.Context, uint64) error { return errHandler })
		h.Retry = retrying(25 * time.Second)
		ctx, cancel := context.WithTimeout(b.Context(), 90*time.Second)
		defer cancel()
		if err := subscription.Run(ctx, s, quiet(1), h); err != nil {
			b.Error(err)
		}
		if want := "age=1m0s attempts=3"; !strings.Contains(text.String(), want) {
			b.Errorf("the log does not say %s:\n%s", want, text.String())
		}
	})
}

// TestEventsThatWaitAreNotStuck: the queue is long, and each event takes its time.
func TestEventsThatWaitAreNotStuck(t *testing.T) {
	bubble(t, func(b bench) {
		var text records
		s := b.open(subscription.Options{Logger: text.logger()})
		h := handling(func(context.Context, uint64) error {
			time.Sleep(59 * time.Second)
			return nil
		})
		if err := subscription.Run(b.Context(), s, events(100), h); err != nil {
			b.Error(err)
		}
		if text.String() != "" {
			b.Errorf("the log says %s", text.String())
		}
	})
}

// TestStuckEventIsSeenWithoutRun: it is the one that holds the low watermark, also
// where positions without work follow it.
func TestStuckEventIsSeenWithoutRun(t *testing.T) {
	bubble(t, func(b bench) {
		var text records
		s := b.open(subscription.Options{Logger: text.logger()})
		b.track(s, 1).Done()
		stuck := b.track(s, 2)
		if err := s.Skip(at(9)); err != nil {
			b.Error(err)
		}
		if got := s.Stats().Oldest; got.Position != at(2) {
			b.Errorf("the oldest in flight is %+v, want %s", got, at(2))
		}
		time.Sleep(3 * time.Minute)
		stuck.Done()
		b.track(s, 10).Done()
		time.Sleep(time.Hour)
		if n := strings.Count(text.String(), "position=C:2/P:2"); n != 2 || strings.Count(text.String(), "\n") != 2 {
			b.Errorf("the log warns %d times of the event, want after 1 and 2 minutes:\n%s", n, text.String())
		}
	})
}

// TestStuckEventIsNotWarnedOfAfterTheEnd: nobody works any more.
func TestStuckEventIsNotWarnedOfAfterTheEnd(t *testing.T) {
	bubble(t, func(b bench) {
		var text records
		s := b.open(subscription.Options{Logger: text.logger()})
		b.track(s, 1)
		s.Close(b.Context())
		time.Sleep(time.Hour)
		if text.String() != "" {
			b.Errorf("the log says %s", text.String())
		}
	})
}

// TestEventThatWaitsForASharedWorkerIsNotStuck: its handler was not called.
func TestEventThatWaitsForASharedWorkerIsNotStuck(t *testing.T) {
	bubble(t, func(b bench) {
		shared := subscription.NewShared(10, 1)
		other, err := subscription.Open(b.Context(), b.store, "other", &subscription.Options{Missing: subscription.FromStart})
		if err != nil {
			b.Fatal(err)
		}
		slow := handling(func(context.Context, uint64) error {
			time.Sleep(time.Hour)
			return nil
		})
		slow.Shared = shared
		var l listener
		var w stopwatch
		s := b.open(subscription.Options{StuckAfter: time.Minute, Observers: []checkpoint.Observer{onlooker{&l}, &w}})
		h := handling(func(context.Context, uint64) error {
			time.Sleep(time.Second)
			return nil
		})
		h.Shared = shared
		ended := make(chan error, 2)
		go func() { ended <- subscription.Run(b.Context(), other, events(1), slow) }()
		time.Sleep(time.Minute)
		go func() { ended <- subscription.Run(b.Context(), s, events(1), h) }()
		time.Sleep(30 * time.Minute)
		if oldest := s.Stats().Oldest; oldest != (subscription.InWork{}) {
			b.Errorf("an event that waits is said to be in work: %+v", oldest)
		}
		for range 2 {
			if err := <-ended; err != nil {
				b.Error(err)
			}
		}
		b.wantHeard(&l)
		if want := []time.Duration{time.Second}; !slices.Equal(w.handled, want) {
			b.Errorf("the event was handled for %v, want %v", w.handled, want)
		}
		s.Close(b.Context())
		other.Close(b.Context())
	})
}
