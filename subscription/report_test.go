package subscription_test

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/subscription"
)

// statuses are what the instances say, by their names.
func (b bench) statuses() map[string]checkpoint.Status {
	b.Helper()
	synctest.Wait()
	all, err := b.store.Statuses(b.Context(), key)
	if err != nil {
		b.Fatal(err)
	}
	named := make(map[string]checkpoint.Status)
	for _, s := range all[0].Instances {
		if s.Err != nil {
			b.Fatal(s.Err)
		}
		named[s.Instance] = s
	}
	return named
}

// runs runs a subscription until stop is called, which returns Run's error.
func (b bench) runs(opts subscription.Options, events log, h subscription.Handler[uint64]) (stop func() error) {
	b.Helper()
	s := b.open(opts)
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error, 1)
	h.Position = at
	go func() { done <- subscription.Run(ctx, s, events, h) }()
	return func() error {
		cancel()
		return errors.Join(<-done, s.Close(b.Context()))
	}
}

// ticking yields n at the n-th second.
func ticking(ctx context.Context) iter.Seq2[uint64, error] {
	return func(yield func(uint64, error) bool) {
		for n := uint64(1); ; n++ {
			select {
			case <-time.After(time.Second):
			case <-ctx.Done():
				return
			}
			if !yield(n, nil) {
				return
			}
		}
	}
}

func TestStatusOfARunningInstance(t *testing.T) {
	bubble(t, func(b bench) {
		began := time.Now()
		opts := leased("a", false)
		opts.Head = func(context.Context) (checkpoint.Position, error) { return at(1000 + 2*seconds(began)), nil }
		opts.Tail = func(context.Context) (checkpoint.Position, error) { return at(1), nil }
		stop := b.runs(opts, ticking, subscription.Handler[uint64]{Handle: func(context.Context, uint64) error { return nil }})
		time.Sleep(time.Minute + 500*time.Millisecond)
		s := b.statuses()["a"]
		if s.State != checkpoint.StateRunning || s.PID == 0 || s.Host == "" || s.Since.Before(began) || time.Since(s.Since) < time.Minute {
			b.Errorf("the status is %+v", s)
		}
		if s.Position == nil || *s.Position != at(60) || s.Done != 60 || time.Since(s.AdvancedAt) > 6*time.Second {
			b.Errorf("at 60 the status is at %v, with %d done, and advanced at %v", s.Position, s.Done, s.AdvancedAt)
		}
		if s.Head == nil || *s.Head != at(1120) || s.Lag == nil || *s.Lag != 1060 {
			b.Errorf("the head is %v and the lag %v, want 1120 and 1060", s.Head, s.Lag)
		}
		if s.Begins == nil || *s.Begins != at(0) {
			b.Errorf("the log begins after %v, want 0", s.Begins)
		}
		if s.Rate != 1 || s.Pace != 1 || s.HeadPace == nil || *s.HeadPace != 2 {
			b.Errorf("the rates are %v, %v and %v, want 1, 1 and 2", s.Rate, s.Pace, s.HeadPace)
		}
		if s.LagTime == nil || !s.LagAtLeast || *s.LagTime < time.Minute-time.Second {
			b.Errorf("the lag in time is %v, at least: %v; want a minute at least", s.LagTime, s.LagAtLeast)
		}
		if err := stop(); err != nil {
			b.Error(err)
		}
		if all := b.statuses(); len(all) != 0 {
			b.Errorf("after Close there is %+v", all)
		}
	})
}

func seconds(began time.Time) uint64 { return uint64(time.Since(began) / time.Second) } //nolint:gosec // it is positive

// An instance that has died is not seen any more after three intervals.
func TestStatusEnds(t *testing.T) {
	bubble(t, func(b bench) {
		b.open(leased("a", false))
		b.statuses()
		var lost atomic.Bool
		b.store = checkpoint.New(cutOff{b.mem, &lost}, nil)
		opts := leased("b", false)
		opts.ReportEvery = time.Second
		s, err := subscription.Open(b.Context(), b.store, "other", &opts)
		if err != nil {
			b.Fatal(err)
		}
		defer s.Close(context.Background())
		lost.Store(true)
		time.Sleep(2900 * time.Millisecond)
		if all, err := b.store.Statuses(b.Context(), "other"); err != nil || len(all[0].Instances) != 1 {
			b.Errorf("soon after its last report: %+v, %v", all, err)
		}
		time.Sleep(300 * time.Millisecond)
		if all, err := b.store.Statuses(b.Context(), "other"); err != nil || len(all[0].Instances) != 0 {
			b.Errorf("three intervals after its last report: %+v, %v", all, err)
		}
	})
}

// cutOff is a driver whose reports are lost if lost is set.
type cutOff struct {
	driver.Driver
	lost *atomic.Bool
}

func (c cutOff) Acquire(ctx context.Context, l []driver.Lease) ([]driver.LeaseResult, error) {
	return driver.Acquire(ctx, c.Driver, l)
}

func (c cutOff) Renew(ctx context.Context, l []driver.Lease) ([]driver.LeaseResult, error) {
	return driver.Renew(ctx, c.Driver, l)
}

func (c cutOff) Release(ctx context.Context, l []driver.Lease) ([]driver.LeaseResult, error) {
	return driver.Release(ctx, c.Driver, l)
}

func (c cutOff) Report(ctx context.Context, r []driver.Report) ([]driver.ReportResult, error) {
	if c.lost.Load() {
		return nil, errEngine
	}
	return driver.ReportTo(ctx, c.Driver, r)
}

func (c cutOff) Reports(ctx context.Context, keys []string) ([][]driver.Report, error) {
	return driver.ReportsOf(ctx, c.Driver, keys)
}

func TestStatusOfAStandbyAndOfItsTakeOver(t *testing.T) {
	bubble(t, func(b bench) {
		first := b.open(leased("a", false))
		opened := make(chan *subscription.Subscription)
		go func() { opened <- b.open(leased("b", true)) }()
		time.Sleep(time.Second)
		if all := b.statuses(); all["a"].State != checkpoint.StateRunning || all["b"].State != checkpoint.StateStandby || all["b"].Position != nil {
			b.Errorf("the statuses are %+v", all)
		}
		first.Close(b.Context())
		<-opened
		time.Sleep(time.Millisecond)
		if all := b.statuses(); len(all) != 1 || all["b"].State != checkpoint.StateRunning {
			b.Errorf("after the take-over the statuses are %+v", all)
		}
	})
}

func TestStatusOfWorkThatIsStuckAndDrains(t *testing.T) {
	bubble(t, func(b bench) {
		opts := leased("a", false)
		opts.DrainTimeout = time.Hour
		ctx, cancel := context.WithCancel(b.Context())
		s := b.open(opts)
		ran, release := make(chan error), make(chan struct{})
		go func() {
			ran <- subscription.Run(ctx, s, quiet(3), subscription.Handler[uint64]{Position: at, Handle: func(context.Context, uint64) error {
				<-release
				return nil
			}})
		}()
		time.Sleep(time.Minute)
		got := b.statuses()["a"]
		if got.State != checkpoint.StateRunning || got.InFlight != 3 || got.OldestAge < 55*time.Second || got.OldestAge > time.Minute || !got.AdvancedAt.IsZero() {
			b.Errorf("stuck: %+v", got)
		}
		cancel()
		time.Sleep(time.Second)
		if got := b.statuses()["a"]; got.State != checkpoint.StateDraining || time.Since(got.Since) > time.Second {
			b.Errorf("after a signal: %+v", got)
		}
		close(release)
		if err := <-ran; err != nil {
			b.Error(err)
		}
	})
}

func TestStatusTellsOfFailures(t *testing.T) {
	bubble(t, func(b bench) {
		stop := b.runs(leased("a", false), quiet(1), subscription.Handler[uint64]{
			Handle: func(context.Context, uint64) error { return errors.New("cannot reach redis://me:hunter2@host") },
			Retry:  subscription.Backoff(time.Second, time.Second, 3),
			Park:   func(context.Context, uint64, error) error { return nil },
		})
		time.Sleep(20 * time.Second)
		s := b.statuses()["a"]
		if s.Retries != 2 || s.Parked != 1 || s.LastErrorAt.IsZero() || !strings.HasPrefix(s.LastError, "cannot reach redis://me:") || strings.Contains(s.LastError, "hunter2") {
			b.Errorf("the status is %+v", s)
		}
		if err := stop(); err != nil {
			b.Error(err)
		}
	})
}

// The lag in time is never below zero, and never a guess.
func TestLagInTime(t *testing.T) {
	for _, c := range []struct {
		name  string
		time  bool          // whether events tell their time
		from  uint64        // the head at the start
		every time.Duration // how long an event takes
		want  func(s checkpoint.Status, age time.Duration) bool
	}{
		{"at the head", false, 0, 0, func(s checkpoint.Status, _ time.Duration) bool { return *s.LagTime <= time.Second && !s.LagAtLeast }},
		{"behind from the start", false, 50, time.Hour, func(s checkpoint.Status, age time.Duration) bool {
			return s.LagTime.Round(time.Second) == age && s.LagAtLeast
		}},
		{"stuck at the first event", false, 0, time.Hour, func(s checkpoint.Status, age time.Duration) bool {
			return !s.LagAtLeast && *s.LagTime >= age-2*time.Second && *s.LagTime <= age
		}},
		{"stuck at the first event, which tells its time", true, 0, time.Hour, func(s checkpoint.Status, age time.Duration) bool {
			return !s.LagAtLeast && s.LagTime.Round(time.Second) == age+time.Hour-time.Second
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(b bench) {
				began := time.Now()
				opts := leased("a", false)
				opts.MaxInFlight = 4000
				opts.Head = func(context.Context) (checkpoint.Position, error) { return at(c.from + seconds(began)), nil }
				h := subscription.Handler[uint64]{Handle: func(ctx context.Context, _ uint64) error {
					select {
					case <-time.After(c.every):
					case <-ctx.Done():
					}
					return ctx.Err()
				}}
				if c.time { // an hour later than it is in the log
					h.Time = func(n uint64) time.Time { return began.Add(time.Duration(n)*time.Second - time.Hour) } //nolint:gosec // it is small
				}
				opts.DrainTimeout = time.Second
				stop := b.runs(opts, ticking, h)
				for range 100 {
					time.Sleep(29 * time.Second)
					s := b.statuses()["a"]
					if age := s.ReportedAt.Sub(began); s.LagTime == nil || !c.want(s, age.Round(time.Second)) {
						b.Fatalf("after %v the lag is %v, at least: %v", age, s.LagTime, s.LagAtLeast)
					}
				}
				stop()
			})
		})
	}
}

func TestSubscriptionWithoutReports(t *testing.T) {
	for name, c := range map[string]struct {
		every  time.Duration
		driver func(b bench) driver.Driver
	}{
		"not wanted":   {-1, func(b bench) driver.Driver { return b.mem }},
		"not possible": {0, func(b bench) driver.Driver { return struct{ driver.Driver }{b.mem} }},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(b bench) {
				if err := b.store.Pause(b.Context(), key); err != nil {
					b.Fatal(err)
				}
				var text strings.Builder
				b.store = checkpoint.New(c.driver(b), nil)
				s := b.open(subscription.Options{ReportEvery: c.every, Logger: slog.New(slog.NewTextHandler(&text, nil))})
				b.track(s, 1).Done()
				time.Sleep(time.Hour)
				if err := s.Close(b.Context()); err != nil || text.Len() > 0 {
					b.Errorf("Close: %v; the log has %s", err, &text)
				}
				if reports, err := b.mem.Reports(b.Context(), []string{key}); err != nil || len(reports[0]) != 1 {
					b.Errorf("the reports are %+v, %v, want the pause alone", reports, err)
				}
			})
		})
	}
}

// Reports that fail neither end the subscription nor hold it up, and are logged once.
func TestReportsThatFail(t *testing.T) {
	bubble(t, func(b bench) {
		lost := new(atomic.Bool)
		lost.Store(true)
		var text strings.Builder
		b.store = checkpoint.New(cutOff{b.mem, lost}, nil)
		s := b.open(subscription.Options{Logger: slog.New(slog.NewTextHandler(&text, nil))})
		time.Sleep(time.Hour)
		lost.Store(false)
		time.Sleep(time.Hour)
		lost.Store(true)
		time.Sleep(time.Hour)
		if err := s.Close(b.Context()); err != nil {
			b.Error(err)
		}
		if n := strings.Count(text.String(), "\n"); n != 2 {
			b.Errorf("two outages are logged in %d lines:\n%s", n, &text)
		}
	})
}

// TestLogThatHangsHidesNoInstance: that the log does not answer is what an operator looks for.
func TestLogThatHangsHidesNoInstance(t *testing.T) {
	bubble(t, func(b bench) {
		hangs := func(ctx context.Context) (checkpoint.Position, error) {
			<-ctx.Done()
			return checkpoint.Position{}, ctx.Err()
		}
		opts := leased("a", false)
		var hung atomic.Bool
		opts.Head = func(ctx context.Context) (checkpoint.Position, error) {
			if hung.Load() {
				return hangs(ctx)
			}
			return at(9), nil
		}
		opts.Tail = func(ctx context.Context) (checkpoint.Position, error) {
			if hung.Load() {
				return hangs(ctx)
			}
			return at(1), nil
		}
		s := b.open(opts)
		hung.Store(true)
		time.Sleep(time.Minute)
		if got, ok := b.statuses()["a"]; !ok || !strings.Contains(got.LastError, "head") && !strings.Contains(got.LastError, "tail") {
			b.Errorf("the status is %+v, %v; want one with the log's error", got, ok)
		}
		if err := b.store.Pause(b.Context(), key); err != nil {
			b.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		ctx, cancel := context.WithTimeout(b.Context(), time.Second)
		defer cancel()
		if _, err := s.Track(ctx, at(1)); !errors.Is(err, context.DeadlineExceeded) {
			b.Errorf("Track of a paused subscription: %v", err)
		}
	})
}
