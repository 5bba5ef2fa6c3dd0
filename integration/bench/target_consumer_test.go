package main

import (
	"context"
	"flag"
	"iter"
	"syscall"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/memstore"
	"github.com/checkpointstore/checkpoint/subscription"
)

var watched = flag.Duration("watched", time.Second, "how long a lone consumer is watched")

var doesNothing = subscription.Handler[uint64]{
	Position: checkpoint.Offset,
	Handle:   func(context.Context, uint64) error { return nil },
}

func besideMemstore(start func(*testing.B) *engine) func(*testing.B) {
	return func(b *testing.B) {
		b.Helper()
		e := start(b)
		alternate(b, consumer(e.open(b, "store", e.empty(b))), consumer(checkpoint.New(memstore.New(), nil)))
	}
}

// consumer handles events for the time of a turn.
func consumer(store *checkpoint.Store) side {
	last := uint64(0)
	return func(b *testing.B) float64 {
		b.Helper()
		s, err := subscription.Open(b.Context(), store, "consumer", &subscription.Options{Missing: subscription.FromStart, FlushEvery: 100})
		if err != nil {
			b.Fatal(err)
		}
		first, start := last, time.Now()
		err = subscription.Run(b.Context(), s, func(context.Context) iter.Seq2[uint64, error] {
			return func(yield func(uint64, error) bool) {
				for yield(last+1, nil) {
					if last++; last%64 == 0 && time.Since(start) > turnTime {
						return
					}
				}
			}
		}, doesNothing)
		rate := float64(last-first) / time.Since(start).Seconds()
		closeAt(b, s, store, last)
		if err != nil {
			b.Fatal(err)
		}
		return rate
	}
}

// closeAt closes s, which must have stored the position of event n.
func closeAt(b *testing.B, s *subscription.Subscription, store *checkpoint.Store, n uint64) {
	b.Helper()
	if err := s.Close(b.Context()); err != nil {
		b.Fatal(err)
	}
	if c, err := store.Get(b.Context(), "consumer"); err != nil || c.Position != checkpoint.Offset(n) {
		b.Fatalf("after event %d %v, %v is stored", n, c.Position, err)
	}
}

// lone measures the processor time of a process that has one consumer with a lease.
func lone(start func(*testing.B) *engine) func(*testing.B) {
	return func(b *testing.B) {
		b.Helper()
		e := start(b)
		store := e.open(b, "store", e.empty(b))
		s, err := subscription.Open(b.Context(), store, "consumer", &subscription.Options{
			Missing: subscription.FromStart, Lease: new(subscription.Lease),
		})
		if err != nil {
			b.Fatal(err)
		}
		quit, ended, last := make(chan struct{}), make(chan error), uint64(0)
		go func() { ended <- subscription.Run(b.Context(), s, oneASecond(&last, quit), doesNothing) }()
		var shares []float64
		for b.Loop() {
			before, start := processorTime(b), time.Now()
			time.Sleep(*watched)
			shares = append(shares, 100*float64(processorTime(b)-before)/float64(time.Since(start)))
		}
		close(quit)
		if err := <-ended; err != nil {
			b.Fatal(err)
		}
		closeAt(b, s, store, last)
		b.ReportMetric(median(shares), share)
	}
}

// oneASecond yields events until quit is closed. last is the last of them.
func oneASecond(last *uint64, quit <-chan struct{}) func(context.Context) iter.Seq2[uint64, error] {
	return func(context.Context) iter.Seq2[uint64, error] {
		return func(yield func(uint64, error) bool) {
			pace := time.NewTicker(time.Second)
			defer pace.Stop()
			for yield(*last+1, nil) {
				*last++
				select {
				case <-pace.C:
				case <-quit:
					return
				}
			}
		}
	}
}

// processorTime is that of this process until now.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
