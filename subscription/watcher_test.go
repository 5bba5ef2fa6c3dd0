package subscription_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/subscription"
)

// A watcher reads the Stats of each subscription that is open, as metrics do.
type watcher map[string]*subscription.Subscription

func (w watcher) Opened(key string, s *subscription.Subscription) {
	w[key] = s
	context.AfterFunc(s.Context(), func() { delete(w, key) })
}

func TestObserverHearsOfOpenAndTheEnd(t *testing.T) {
	bubble(t, func(b bench) {
		w := watcher{}
		s := b.open(subscription.Options{Observers: []checkpoint.Observer{w}})
		b.track(s, 1)
		if w[key] != s || w[key].Stats().InFlight != 1 {
			b.Fatalf("the observer has heard of %v", w)
		}
		s.Close(b.Context())
		synctest.Wait()
		if len(w) != 0 {
			b.Error("the observer has not heard of the end")
		}
	})
}

// TestStatsTellWhatIsLeftOfTheLease: a standby takes over when nothing is.
func TestStatsTellWhatIsLeftOfTheLease(t *testing.T) {
	bubble(t, func(b bench) {
		s := b.open(leased("a", false))
		if left := s.Stats().LeaseLeft; left != leaseTTL {
			b.Errorf("of a new lease %v are left, want %v", left, leaseTTL)
		}
		b.mem.Fail(errEngine)
		time.Sleep(leaseTTL / 4)
		if left := s.Stats().LeaseLeft; left != leaseTTL*3/4 {
			b.Errorf("after a quarter %v are left, want three quarters of %v", left, leaseTTL)
		}
		time.Sleep(leaseTTL)
		if left := s.Stats().LeaseLeft; left != 0 {
			b.Errorf("of a lost lease %v are left", left)
		}
		b.mem.Fail(nil)
		free := b.open(subscription.Options{})
		if left := free.Stats().LeaseLeft; left != 0 {
			b.Errorf("without a lease %v are left", left)
		}
	})
}

type flushKey struct{}

// A tracer begins something at FlushStart, which the Store's observers go on with.
type tracer struct{ begun, heard []string }

func (tr *tracer) FlushStart(ctx context.Context, key string, p checkpoint.Position) context.Context {
	name := key + " " + p.String()
	tr.begun = append(tr.begun, name)
	return context.WithValue(ctx, flushKey{}, name)
}

func (tr *tracer) Flushed(f subscription.Flush) { tr.hear(f.Context, "flushed") }

func (tr *tracer) CallEnd(ctx context.Context, c checkpoint.Call, _ checkpoint.CallResult) {
	if c.Op == "setIfNewer" {
		tr.hear(ctx, "stored")
	}
}

func (tr *tracer) hear(ctx context.Context, what string) {
	name, _ := ctx.Value(flushKey{}).(string)
	tr.heard = append(tr.heard, what+" "+name)
}

func TestFlushAndItsCallShareAContext(t *testing.T) {
	bubble(t, func(b bench) {
		var tr tracer
		b.store = checkpoint.New(b.mem, &checkpoint.Options{Observers: []checkpoint.Observer{&tr}})
		s := b.open(subscription.Options{Observers: []checkpoint.Observer{&tr}})
		b.track(s, 1).Done()
		s.Close(b.Context())
		want := []string{
			"stored orders C:0/P:0", "flushed orders C:0/P:0",
			"stored orders C:1/P:1", "flushed orders C:1/P:1",
		}
		if !slices.Equal(tr.heard, want) || len(tr.begun) != 2 {
			b.Errorf("began %q, and heard %q\n want %q", tr.begun, tr.heard, want)
		}
	})
}

// A stopwatch notes how long events were handled.
type stopwatch struct{ handled []time.Duration }

func (w *stopwatch) EventDone(e subscription.Event) { w.handled = append(w.handled, e.Handled) }

// TestObserverHearsHowLongAnEventWasHandled: the second one waits for the first, and
// succeeds at its second attempt.
func TestObserverHearsHowLongAnEventWasHandled(t *testing.T) {
	bubble(t, func(b bench) {
		var w stopwatch
		opts := subscription.Options{Observers: []checkpoint.Observer{&w}}
		attempts := 0
		h := handling(func(context.Context, uint64) error {
			time.Sleep(time.Second)
			if attempts++; attempts == 2 {
				return errHandler
			}
			return nil
		})
		h.Retry, h.Shared = retrying(time.Minute), subscription.NewShared(10, 1)
		if err := subscription.Run(b.Context(), b.open(opts), events(2), h); err != nil {
			b.Error(err)
		}
		if want := []time.Duration{time.Second, time.Minute + 2*time.Second}; !slices.Equal(w.handled, want) {
			b.Errorf("events were handled for %v, want %v", w.handled, want)
		}
	})
}

// A reader keeps the last status of each instance.
type reader struct{ sync.Map }

func (r *reader) Reported(_ string, status checkpoint.Status) { r.Store(status.Instance, status) }

func (r *reader) last(instance string) checkpoint.Status {
	status, _ := r.Load(instance)
	last, _ := status.(checkpoint.Status)
	return last
}

func TestObserverHearsOfReports(t *testing.T) {
	bubble(t, func(b bench) {
		var r reader
		opts := leased("a", false)
		opts.Observers, opts.ReportEvery, opts.Head = []checkpoint.Observer{&r}, time.Second, headAt(7)
		b.track(b.open(opts), 5)
		time.Sleep(time.Minute)
		synctest.Wait()
		status := r.last("a")
		if status.State != checkpoint.StateRunning || status.InFlight != 1 || *status.Lag != 7 || *status.LagTime < 59*time.Second {
			b.Errorf("the observer has heard %+v", status)
		}
		opts.Lease = &subscription.Lease{Owner: "b", TTL: leaseTTL, Wait: true}
		ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
		defer cancel()
		if _, err := subscription.Open(ctx, b.store, key, &opts); err == nil {
			b.Fatal("the standby was opened")
		}
		if state := r.last("b").State; state != checkpoint.StateStandby {
			b.Errorf("the observer has heard that the standby is %q", state)
		}
	})
}
