package suspend

import (
	"context"
	"errors"
	"iter"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/integration/internal/records"
	"github.com/checkpointstore/checkpoint/integration/internal/standstill"
	"github.com/checkpointstore/checkpoint/redisstore"
	"github.com/checkpointstore/checkpoint/sqlitestore"
	"github.com/checkpointstore/checkpoint/subscription"
)

// A task is what a process is started to do.
type task struct {
	Store string // host:port of a Redis, or the path of an SQLite file
	Key   string
	Owner string
	File  string // for its records
	Clock string // the file of its standstill.Clock
	TTL   time.Duration
}

// A consumer is one process that takes part.
type consumer struct {
	task
	store   *checkpoint.Store
	records *records.Writer
}

// consume waits for the lease, works until it is lost, and begins anew, until ctx ends.
func consume(ctx context.Context, t task) (err error) {
	clock, err := standstill.Open(t.Clock)
	if err != nil {
		return err
	}
	if standstill.Supported {
		if err := standstill.Enter(clock); err != nil {
			return err
		}
	}
	c := consumer{task: t}
	if c.records, err = records.Append(t.File); err != nil {
		return err
	}
	d, err := openDriver(ctx, t.Store)
	if err != nil {
		return err
	}
	c.store = checkpoint.New(d, nil)
	defer func() { err = errors.Join(err, c.store.Close()) }()
	for ctx.Err() == nil {
		if err := c.takePart(ctx); err != nil {
			return err
		}
	}
	return nil
}

func openDriver(ctx context.Context, store string) (driver.Driver, error) {
	if strings.HasSuffix(store, ".db") {
		return sqlitestore.Open(ctx, store, nil)
	}
	return redisstore.New(redis.NewClient(&redis.Options{Addr: store}), nil)
}

// takePart is one turn: from the wait for the lease to its end.
func (c *consumer) takePart(ctx context.Context) error {
	s := c.open(ctx)
	if s == nil {
		return nil
	}
	epoch := s.Epoch()
	err := c.add(record{What: granted, Epoch: epoch})
	after, _ := s.Resume()
	read := func(ctx context.Context) iter.Seq2[uint64, error] { return c.events(ctx, after.Commit) }
	why := subscription.Run(ctx, s, read, subscription.Handler[uint64]{
		Position: func(n uint64) checkpoint.Position { return checkpoint.Position{Commit: n, Prepare: n} },
		Handle:   func(ctx context.Context, n uint64) error { return c.handle(ctx, epoch, n) },
	})
	end := record{What: ended, Epoch: epoch, Why: reason(why)}
	_ = s.Close(context.WithoutCancel(ctx)) // the store may be away: the next turn begins where it stands
	return errors.Join(err, c.add(end))
}

// open waits for the lease. It returns nil if ctx ended, or if the store failed: a
// stopped process may hold the lock of the file.
func (c *consumer) open(ctx context.Context) *subscription.Subscription {
	s, err := subscription.Open(ctx, c.store, c.Key, &subscription.Options{
		Missing:    subscription.FromStart,
		FlushEvery: 5,
		FlushAfter: c.TTL / 8,
		Lease:      &subscription.Lease{Owner: c.Owner, TTL: c.TTL, Wait: true},
	})
	if err != nil {
		pause(ctx, c.TTL/20)
		return nil
	}
	return s
}

// reason says in a few words why Run ended.
func reason(err error) string {
	switch {
	case err == nil:
		return calledOff
	case errors.Is(err, checkpoint.ErrFenced):
		return fenced
	case errors.Is(err, subscription.ErrLeaseLost):
		return leaseLost
	}
	return err.Error()
}

// events yields what comes after n, in random intervals.
func (c *consumer) events(ctx context.Context, n uint64) iter.Seq2[uint64, error] {
	return func(yield func(uint64, error) bool) {
		for n++; ctx.Err() == nil && yield(n, nil); n++ {
			pause(ctx, rand.N(c.TTL/10))
		}
	}
}

// pauses is how many pauses of a handler are within the TTL.
const pauses = 100

// handle takes up to a fifth of the TTL, and records when its context was alive.
func (c *consumer) handle(ctx context.Context, epoch, n uint64) error {
	r := record{What: handled, Epoch: epoch, Event: n, Alive: []time.Time{wall()}}
	for range rand.N(pauses / 5) {
		time.Sleep(c.TTL / pauses)
		at := wall()
		if ctx.Err() != nil {
			break
		}
		r.Alive = append(r.Alive, at)
	}
	return c.add(r)
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

func (c *consumer) add(r record) error {
	r.At = wall()
	return c.records.Add(r)
}
