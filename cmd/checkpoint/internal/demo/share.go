package demo

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"iter"
	"strconv"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/group"
	"github.com/checkpointstore/checkpoint/subscription"
)

const (
	sharedPartitions = 8
	fleetTTL         = time.Second

	// sharedAhead bounds how many events of a partition a crash repeats.
	sharedAhead = 20
)

// partition is the partition of an event, for consumers that share the log out: all lines
// of an order are in one.
func (e Event) partition() string { return strconv.FormatUint(e.Order%sharedPartitions, 10) }

// share is one instance of a consumer whose instances share the log out. Each partition
// reads the whole log, and passes the events of the others.
func share(ctx context.Context, store *checkpoint.Store, t task, _ *json.Encoder) error {
	c := consumer{key: t.Key, shared: true}
	effects, err := openEffects(effectsPath(t.Dir, t.Owner))
	if err != nil {
		return err
	}
	defer effects.close()
	shared := subscription.NewShared(1000, workers)
	again := subscription.Backoff(100*time.Millisecond, time.Second, 5)
	err = group.Run(ctx, store, t.Key, group.Fixed(c.partitions()...), &group.Options{
		Member: t.Owner,
		TTL:    fleetTTL,
		Subscription: func(string) subscription.Options {
			return subscription.Options{FlushAfter: flushAfter, MaxAhead: sharedAhead}
		},
		Failed: func(_ string, attempt int, err error) (time.Duration, bool) { return again(attempt, err) },
	}, func(ctx context.Context, partition string, s *subscription.Subscription) error {
		from, _ := s.Resume()
		read := func(ctx context.Context) iter.Seq2[Event, error] { return tailLog(ctx, c.logPath(t.Dir), from) }
		return subscription.Run(ctx, s, read, subscription.Handler[Event]{
			Position: func(e Event) checkpoint.Position { return e.Position },
			Ignore:   func(e Event) bool { return e.partition() != partition },
			Handle:   func(ctx context.Context, e Event) error { return t.handle(ctx, effects, e) },
			Workers:  workers,
			Shared:   shared,
		})
	})
	if cause := context.Cause(ctx); !errors.Is(cause, errAskedToEnd) {
		err = cmp.Or(err, cause)
	}
	return err
}
