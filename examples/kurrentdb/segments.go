package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"time"

	kurrent "github.com/kurrent-io/KurrentDB-Client-Go/kurrentdb"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/group"
	"github.com/checkpointstore/checkpoint/kurrentdb"
	"github.com/checkpointstore/checkpoint/subscription"
)

// Segments share the events of $all out by their streams.
type segments struct {
	log      *kurrentdb.Log
	store    *checkpoint.Store
	n        int
	firstRun bool
	handle   func(context.Context, kurrentdb.Event) error
	group    group.Options
}

// run shares the segments out with the other instances until ctx ends.
func (g *segments) run(ctx context.Context) error {
	id, err := g.log.ID(ctx)
	if err != nil {
		return err
	}
	opts := g.group
	opts.Failed = failed
	opts.Subscription = func(string) subscription.Options {
		o := subscription.Options{LogID: id, MaxInFlight: 200, Logger: g.group.Logger}
		if g.firstRun {
			o.Missing = subscription.FromStart
		}
		return o
	}
	names, shared := g.names(), subscription.NewShared(1000, 8) // all segments together have 8 workers
	return group.Run(ctx, g.store, key, group.Fixed(names...), &opts,
		func(ctx context.Context, name string, s *subscription.Subscription) error {
			return g.consume(ctx, slices.Index(names, name), shared, s)
		})
}

// names returns the names of the segments. They contain the number of segments: with
// another number, no segment resumes at a checkpoint that other streams have passed.
func (g *segments) names() []string {
	names := make([]string, g.n)
	for i := range names {
		names[i] = fmt.Sprintf("%d-of-%d", i, g.n)
	}
	return names
}

// failed lets a segment that has failed begin again after a while. A segment without a
// checkpoint ends the instance.
func failed(_ string, attempt int, err error) (time.Duration, bool) {
	wait, _ := subscription.Backoff(time.Second, time.Minute, math.MaxInt)(attempt, err)
	return wait, !errors.Is(err, subscription.ErrNoCheckpoint)
}

// consume handles the events of one segment. It reads all events, and passes the
// positions of the other segments' events.
func (g *segments) consume(
	ctx context.Context, segment int, shared *subscription.Shared, s *subscription.Subscription,
) error {
	after, _ := s.Resume() // the zero position is the start
	read := func(ctx context.Context) iter.Seq2[kurrentdb.Event, error] {
		return g.log.All(ctx, after, kurrent.SubscribeToAllOptions{Filter: kurrent.ExcludeSystemEventsFilter()})
	}
	return subscription.Run(ctx, s, read, subscription.Handler[kurrentdb.Event]{
		Position:    kurrentdb.Event.Position,
		Ignore:      allBut(segment, g.n),
		OrderingKey: kurrentdb.Event.StreamID,
		Handle:      g.handle,
		Workers:     8,
		Shared:      shared,
		Retry:       subscription.Backoff(time.Second, time.Minute, 5),
	})
}

// allBut reports the events of all segments but one. The subscription passes the
// positions of these events, and so stores them.
func allBut(segment, n int) func(kurrentdb.Event) bool {
	return func(e kurrentdb.Event) bool {
		return e.IsEmpty() || kurrentdb.Segment(e.StreamID(), n) != segment
	}
}
