package metricstest

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/subscription"
)

// of names a gauge of the key.
func of(name, key string) string { return name + `{checkpoint_key="` + key + `"}` }

func now() float64 { return float64(time.Now().UnixMicro()) / 1e6 }

func lag(b *bench) {
	head := at(10)
	s := b.open("orders/1", subscription.Options{
		Head: func(context.Context) (checkpoint.Position, error) { return head, nil }, ReportEvery: -1,
	})
	b.wantNone("checkpoint_lag")
	for _, n := range []uint64{10, 12} {
		head = at(n)
		_, err := s.Lag(b.Context())
		b.must(err)
		b.want(Samples{of("checkpoint_lag", "orders/1"): float64(n)})
	}
}

// lagReported: whoever reports tells the lag, too.
func lagReported(b *bench) {
	b.open("orders/1", subscription.Options{
		Head: func(context.Context) (checkpoint.Position, error) { return at(10), nil }, ReportEvery: time.Second,
	})
	time.Sleep(time.Minute)
	b.want(Samples{of("checkpoint_lag", "orders/1"): 10})
}

// lagTime: the head has moved on for a minute, and the consumer has not.
func lagTime(b *bench) {
	var head atomic.Uint64
	s := b.open("orders/1", subscription.Options{
		Head:        func(context.Context) (checkpoint.Position, error) { return at(head.Load()), nil },
		ReportEvery: time.Second,
	})
	b.open("orders/2", subscription.Options{ReportEvery: time.Second}) // nobody knows its head
	time.Sleep(10 * time.Second)
	b.want(Samples{of("checkpoint_lag_time_seconds", "orders/1"): 0})
	b.wantNone(of("checkpoint_lag_time_seconds", "orders/2"))
	head.Store(10)
	time.Sleep(time.Minute)
	// The head was last seen standing still at the report before.
	if seconds := b.scrape()[of("checkpoint_lag_time_seconds", "orders/1")]; seconds < 59 || seconds > 61 {
		b.Errorf("the lag is %v seconds, want about 60", seconds)
	}
	b.track(s, 10).Done()
	time.Sleep(time.Minute)
	b.want(Samples{of("checkpoint_lag_time_seconds", "orders/1"): 0})
}

// tailDistance: the log is trimmed, first up to the consumer, and then past it.
func tailDistance(b *bench) {
	var tail atomic.Uint64
	tail.Store(1)
	s := b.open("orders/1", subscription.Options{
		Tail:        func(context.Context) (checkpoint.Position, error) { return at(tail.Load()), nil },
		ReportEvery: time.Second,
	})
	b.open("orders/2", subscription.Options{ReportEvery: time.Second}) // nobody knows its tail
	b.track(s, 10).Done()
	time.Sleep(10 * time.Second)
	b.want(Samples{of("checkpoint_tail_distance", "orders/1"): 10})
	b.wantNone(of("checkpoint_tail_distance", "orders/2"))
	for before, want := range map[uint64]float64{7: 4, 11: 0, 20: 0} {
		tail.Store(before)
		time.Sleep(10 * time.Second)
		b.want(Samples{of("checkpoint_tail_distance", "orders/1"): want})
	}
}

// advanced: what the run before has stored counts, so that a restart hides no
// consumer that stands still.
func advanced(b *bench) {
	b.must(b.store.Set(b.Context(), "orders/1", at(1)))
	before := now()
	time.Sleep(time.Hour)
	s := b.open("orders/1", subscription.Options{FlushAfter: time.Second})
	b.want(Samples{of("checkpoint_advanced_timestamp_seconds", "orders/1"): before})
	b.track(s, 2).Done()
	opened := now()
	time.Sleep(time.Minute)
	b.want(Samples{of("checkpoint_advanced_timestamp_seconds", "orders/1"): opened + 1})
}

// advancedAgain: a checkpoint that is stored again, so that it does not expire, stands
// still.
func advancedAgain(b *bench) {
	b.open("orders/1", subscription.Options{TTL: time.Minute})
	opened := now()
	time.Sleep(time.Hour)
	b.want(Samples{of("checkpoint_advanced_timestamp_seconds", "orders/1"): opened})
	if stored := b.scrape()[writes("unchanged", "orders/1")]; stored < 60 {
		b.Errorf("it was stored again %v times, want once a minute at least", stored)
	}
}

// advancedByHandler: nobody flushes, so only who looks sees the advance.
func advancedByHandler(b *bench) {
	s := b.open("orders/1", subscription.Options{StoredByHandler: true})
	opened := now()
	time.Sleep(time.Hour)
	b.want(Samples{of("checkpoint_advanced_timestamp_seconds", "orders/1"): opened})
	b.track(s, 1).Done()
	b.want(Samples{of("checkpoint_advanced_timestamp_seconds", "orders/1"): opened + 3600})
	time.Sleep(time.Hour)
	b.want(Samples{of("checkpoint_advanced_timestamp_seconds", "orders/1"): opened + 3600})
}

func inFlight(b *bench) {
	s := b.open("orders/1", subscription.Options{})
	b.want(Samples{of("checkpoint_in_flight", "orders/1"): 0})
	first := b.track(s, 1)
	b.track(s, 2)
	b.want(Samples{of("checkpoint_in_flight", "orders/1"): 2})
	first.Done()
	b.want(Samples{of("checkpoint_in_flight", "orders/1"): 1})
}

func oldest(b *bench) {
	s := b.open("orders/1", subscription.Options{})
	started, done := make(chan struct{}), make(chan error)
	go func() {
		done <- subscription.Run(b.Context(), s, events(1), subscription.Handler[uint64]{
			Position: at,
			Handle: func(ctx context.Context, _ uint64) error {
				close(started)
				sleep(ctx, time.Hour)
				return nil
			},
		})
	}()
	<-started
	time.Sleep(time.Minute)
	b.want(Samples{of("checkpoint_oldest_in_flight_age_seconds", "orders/1"): 60})
	b.must(<-done)
	b.want(Samples{of("checkpoint_oldest_in_flight_age_seconds", "orders/1"): 0})
}

// paused: nobody is to be woken for a consumer that an operator has paused.
func paused(b *bench) {
	b.open("orders/1", subscription.Options{ReportEvery: time.Second})
	b.open("orders/2", subscription.Options{ReportEvery: -1})
	time.Sleep(time.Minute)
	b.want(Samples{of("checkpoint_paused", "orders/1"): 0})
	b.wantNone(of("checkpoint_paused", "orders/2"))
	b.must(b.store.Pause(b.Context(), "orders/1"))
	time.Sleep(2 * time.Second)
	b.want(Samples{of("checkpoint_paused", "orders/1"): 1})
	b.must(b.store.Resume(b.Context(), "orders/1"))
	time.Sleep(2 * time.Second)
	b.want(Samples{of("checkpoint_paused", "orders/1"): 0})
}

// standby: it knows nothing of the log, and must not hide what the instance at work has
// reported.
func standby(b *bench) {
	lease := &subscription.Lease{TTL: time.Hour, Wait: true}
	b.open("orders/1", subscription.Options{
		Head:        func(context.Context) (checkpoint.Position, error) { return at(10), nil },
		Tail:        func(context.Context) (checkpoint.Position, error) { return at(1), nil },
		ReportEvery: time.Hour, Lease: lease,
	})
	time.Sleep(time.Second)
	reported := Samples{
		of("checkpoint_lag", "orders/1"): 10, of("checkpoint_lag_time_seconds", "orders/1"): 0,
		of("checkpoint_tail_distance", "orders/1"): 0, of("checkpoint_paused", "orders/1"): 0,
	}
	b.want(reported)
	ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
	defer cancel()
	_, err := subscription.Open(ctx, b.store, "orders/1", &subscription.Options{
		ReportEvery: time.Second, Lease: lease, Observers: []checkpoint.Observer{b.observer},
	})
	if !errors.Is(err, context.DeadlineExceeded) {
		b.Fatalf("the standby: %v", err)
	}
	b.want(reported)
}

func lease(b *bench) {
	b.open("orders/1", subscription.Options{Lease: &subscription.Lease{TTL: time.Minute}})
	b.open("orders/2", subscription.Options{})
	b.want(Samples{
		of("checkpoint_lease_held", "orders/1"):              1,
		of("checkpoint_lease_remaining_seconds", "orders/1"): 60 - latency.Seconds()*2, // both loads
	})
	b.mem.Fail(errEngine)
	time.Sleep(30 * time.Second)
	b.want(Samples{of("checkpoint_lease_remaining_seconds", "orders/1"): 30 - latency.Seconds()*2})
	b.wantNone(of("checkpoint_lease_held", "orders/2"))
	b.wantNone(of("checkpoint_lease_remaining_seconds", "orders/2"))
}

// leaseLost: a rewind ends the lease of the instance at work.
func leaseLost(b *bench) {
	s := b.open("orders/1", subscription.Options{Lease: &subscription.Lease{TTL: time.Minute}})
	b.want(Samples{of("checkpoint_lease_lost_total", "orders/1"): 0})
	_, err := checkpoint.New(b.mem, nil).Rewind(b.Context(), "orders/1", at(0))
	b.must(err)
	<-s.Context().Done()
	b.want(Samples{of("checkpoint_lease_lost_total", "orders/1"): 1})
	b.wantNone("checkpoint_lease_held")
}

// end: a consumer that has ended, or has moved to another instance, leaves no gauge that
// stands still.
func end(b *bench) {
	gauges := []string{"checkpoint_in_flight", "checkpoint_oldest", "checkpoint_advanced", "checkpoint_lag"}
	head := func(context.Context) (checkpoint.Position, error) { return at(5), nil }
	for range 2 {
		s := b.open("orders/1", subscription.Options{Head: head})
		_, err := s.Lag(b.Context())
		b.must(err)
		b.want(Samples{of("checkpoint_in_flight", "orders/1"): 0, of("checkpoint_lag", "orders/1"): 5})
		b.must(s.Close(b.Context()))
		for _, name := range gauges {
			b.wantNone(name)
		}
	}
}

// sharedGauges: keys that do not match the pattern show the sum, or the worst of them.
func sharedGauges(b *bench) {
	headOf := func(n uint64) func(context.Context) (checkpoint.Position, error) {
		return func(context.Context) (checkpoint.Position, error) { return at(n), nil }
	}
	started := now()
	for i, key := range []string{"a", "b"} {
		s := b.open(key, subscription.Options{
			Head: headOf(uint64(10 - i)), Lease: &subscription.Lease{TTL: time.Duration(i+1) * time.Hour},
		})
		_, err := s.Lag(b.Context())
		b.must(err)
		b.track(s, 1)
		b.scrape() // without Run, the age counts from the first look
		time.Sleep(time.Second)
	}
	b.want(Samples{
		"checkpoint_in_flight{}": 2, "checkpoint_lag{}": 10, "checkpoint_lease_held{}": 2,
		"checkpoint_advanced_timestamp_seconds{}":   started + latency.Seconds(),
		"checkpoint_oldest_in_flight_age_seconds{}": 2 + latency.Seconds(),
		"checkpoint_lease_remaining_seconds{}":      3600 - 2 - 2*latency.Seconds(),
	})
}

// noPositions: no position is a value or a label.
func noPositions(b *bench) {
	const position = 7777777
	s := b.open("orders/1", subscription.Options{FlushAfter: time.Second})
	b.track(s, position).Done()
	time.Sleep(time.Minute)
	b.must(b.store.Set(b.Context(), "orders/1", at(position)))
	for name, value := range b.scrape() {
		if strings.Contains(name, "7777777") || value == position {
			b.Errorf("%s is %v, which tells a position", name, value)
		}
	}
}
