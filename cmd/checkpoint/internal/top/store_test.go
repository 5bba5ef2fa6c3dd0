package top

import (
	"context"
	"fmt"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
)

type cell = driver.Cell

func at(n uint64) checkpoint.Position { return checkpoint.Position{Commit: n, Prepare: n} }

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// report has an instance say what it does, for longer than any test takes.
func report(s *checkpoint.Store, key string, status checkpoint.Status) {
	status.Instance, status.Host, status.PID, status.Version = key+"@host-1", "host-1", 71, "v1.2.3"
	status.Now = time.Now()
	if status.Since.IsZero() {
		status.Since = status.Now.Add(-time.Hour)
	}
	status.State = checkpoint.StateRunning
	_, err := s.Report(context.Background(), key, status, 8*time.Hour)
	must(err)
}

// incident fills a store with one consumer of each kind.
func incident(s *checkpoint.Store) {
	ctx := context.Background()
	set := func(key string, n uint64, opts ...checkpoint.WriteOption) { must(s.Set(ctx, key, at(n), opts...)) }
	lease := func(key string) uint64 {
		l, err := s.Acquire(ctx, key, key+"@host-1", 8*time.Hour)
		must(err)
		return l.Epoch
	}
	for i := range 30 {
		set(fmt.Sprintf("archive/%02d", i), uint64(1000*i))
	}
	now := time.Now()
	set("billing", 4711, checkpoint.Epoch(lease("billing")))
	report(s, "billing", checkpoint.Status{
		Position: new(at(4711)), Head: new(at(6000)), Lag: new(uint64(1289)), LagTime: new(7 * time.Minute), AdvancedAt: now.Add(-7 * time.Minute),
		InFlight: 3, OldestAge: 7 * time.Minute, Done: 99, Retries: 12, LastError: "mailbox full",
	})
	set("orders/search-index-of-the-whole-catalogue", 91204, checkpoint.Epoch(lease("orders/search-index-of-the-whole-catalogue")))
	report(s, "orders/search-index-of-the-whole-catalogue", checkpoint.Status{
		Position: new(at(91204)), Lag: new(uint64(35110)), LagTime: new(20 * time.Minute), LagAtLeast: true, AdvancedAt: now,
		Rate: 40, Pace: 40, HeadPace: new(48.0), InFlight: 8, OldestAge: time.Second,
	})
	set("search", 91870, checkpoint.Epoch(lease("search")))
	report(s, "search", checkpoint.Status{Position: new(at(91870)), Lag: new(uint64(12)), LagTime: new(time.Second), AdvancedAt: now, Rate: 48.2, InFlight: 2})
	set("mailer", 91882, checkpoint.Epoch(lease("mailer")))
	report(s, "mailer", checkpoint.Status{Position: new(at(91882)), Lag: new(uint64(0)), LagTime: new(time.Duration(0)), AdvancedAt: now.Add(-2 * time.Hour)})
	set("moved", 9000)
	_, err := s.Rewind(checkpoint.WithBy(ctx, "ana@db1", "INC-7: prices were wrong"), "moved", at(1200))
	must(err)
	must(s.Pause(checkpoint.WithBy(ctx, "bo@db1", "INC-9: the disk is full"), "archive/07"))
}

// advance moves a consumer.
func advance(s *checkpoint.Store, key string, n uint64) {
	cell, err := s.Inspect(context.Background(), key)
	must(err)
	_, err = s.SetIfNewer(context.Background(), key, at(n), checkpoint.Epoch(cell.Checkpoint.Epoch))
	must(err)
}
