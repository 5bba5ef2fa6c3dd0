package soak

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/memstore"
	"github.com/checkpointstore/checkpoint/subscription"
)

// A load is one kind of work on one store. It is done again and again, and may
// fail at any time; only what must never be is an error.
type load struct {
	name   string
	do     func(ctx context.Context, store *checkpoint.Store) error
	worked atomic.Int64
	failed atomic.Int64
	why    atomic.Value // the last error's text
}

// errWrong says that a store gave a wrong answer, instead of none.
var errWrong = errors.New("a wrong answer")

func loads(durable bool) []*load {
	return []*load{
		{name: "subscription", do: subscribe},
		{name: "another subscription", do: subscribe},
		{name: "batches", do: batches},
		{name: "walks", do: walk},
		{name: "walks that are broken off", do: breakOff},
		{name: "leases", do: lease("a")},
		{name: "leases of another", do: lease("b")},
		{name: "calls that are called off", do: callOff(durable)},
	}
}

// idle reports that it has not worked yet.
func (l *load) idle() bool { return l.worked.Load() == 0 }

// reason is the first line of the last error, if there was one.
func (l *load) reason() string {
	why, _ := l.why.Load().(string)
	line, _, _ := strings.Cut(why, "\n")
	return line
}

// run does it until ctx ends.
func (l *load) run(ctx context.Context, store *checkpoint.Store) error {
	for ctx.Err() == nil {
		// None waits for long for a server that is down.
		attempt, cancel := context.WithTimeout(ctx, 10*time.Second)
		err := l.do(attempt, store)
		cancel()
		switch {
		case errors.Is(err, errWrong), errors.Is(err, checkpoint.ErrCorrupt):
			return fmt.Errorf("%s: %w", l.name, err)
		case err != nil:
			l.failed.Add(1)
			l.why.Store(err.Error())
		default:
			l.worked.Add(1)
		}
		pause(ctx, rand.N(30*time.Millisecond))
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// subscribe is one tenure of a consumer, one of two on one key.
func subscribe(ctx context.Context, store *checkpoint.Store) (err error) {
	s, err := subscription.Open(ctx, store, "consumer", &subscription.Options{
		Missing:      subscription.FromStart,
		FlushAfter:   10 * time.Millisecond,
		FlushTimeout: 2 * time.Second,
		Lease:        &subscription.Lease{Owner: fmt.Sprint(rand.Uint64()), TTL: 3 * time.Second, Wait: true},
	})
	if err != nil {
		return err
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		err = errors.Join(err, s.Close(closing))
	}()
	working, cancel := context.WithTimeout(ctx, 50*time.Millisecond+rand.N(300*time.Millisecond))
	defer cancel()
	from, _ := s.Resume()
	events := func(ctx context.Context) iter.Seq2[checkpoint.Position, error] {
		return func(yield func(checkpoint.Position, error) bool) {
			for n := from.Commit + 1; ctx.Err() == nil; n++ {
				if !yield(checkpoint.Position{Commit: n, Prepare: n}, nil) {
					return
				}
			}
		}
	}
	return subscription.Run(working, s, events, subscription.Handler[checkpoint.Position]{
		Position:    func(p checkpoint.Position) checkpoint.Position { return p },
		OrderingKey: func(p checkpoint.Position) string { return fmt.Sprint(p.Commit % 16) },
		Handle: func(ctx context.Context, _ checkpoint.Position) error {
			pause(ctx, rand.N(5*time.Millisecond))
			return nil
		},
		Workers: 4,
	})
}

const keys = 100

func batches(ctx context.Context, store *checkpoint.Store) error {
	n := uint64(rand.N(1_000_000) + 1)
	var writes []checkpoint.Write
	var names []string
	for i := range keys {
		names = append(names, fmt.Sprintf("batch/%d", i))
		writes = append(writes, checkpoint.Write{Key: names[i], Mark: checkpoint.Mark{Position: checkpoint.Position{Commit: n, Prepare: n}}, TTL: time.Minute})
	}
	if _, err := store.Apply(ctx, writes...); err != nil {
		return err
	}
	found, err := store.GetMany(ctx, names...)
	for key, cp := range found {
		if cp.Position.Commit != cp.Position.Prepare {
			return fmt.Errorf("%w: %s is at %s", errWrong, key, cp.Position)
		}
	}
	return err
}

func walk(ctx context.Context, store *checkpoint.Store) error {
	for cp, err := range store.GetAll(ctx, "*", checkpoint.PageSize(50)) {
		if err != nil {
			return err
		}
		if cp.Key == "" {
			return fmt.Errorf("%w: a checkpoint without a key", errWrong)
		}
	}
	_, err := store.Clear(ctx, "batch/1*")
	return err
}

func breakOff(ctx context.Context, store *checkpoint.Store) error {
	n := rand.N(keys)
	for _, err := range store.Scan(ctx, "*", checkpoint.PageSize(20)) {
		if err != nil {
			return err
		}
		if n--; n < 0 {
			break
		}
	}
	return nil
}

func lease(owner string) func(context.Context, *checkpoint.Store) error {
	return func(ctx context.Context, store *checkpoint.Store) error {
		key := fmt.Sprintf("lease/%d", rand.N(4))
		l, err := store.Acquire(ctx, key, owner, 100*time.Millisecond)
		if errors.Is(err, checkpoint.ErrLeaseHeld) {
			return nil
		}
		if err != nil {
			return err
		}
		if l, err = store.Renew(ctx, l, 200*time.Millisecond); err != nil {
			return err
		}
		if _, err := store.SetIfNewer(ctx, key, checkpoint.Position{Commit: l.Epoch}, checkpoint.Epoch(l.Epoch)); err != nil {
			return err
		}
		return store.Release(ctx, l)
	}
}

// callOff uses a key that nothing removes and that does not expire.
func callOff(durable bool) func(context.Context, *checkpoint.Store) error {
	return func(ctx context.Context, store *checkpoint.Store) error {
		ctx, cancel := context.WithTimeout(ctx, rand.N(2*time.Millisecond))
		defer cancel()
		_, err := store.SetIfNewer(ctx, "called-off", checkpoint.Position{Commit: rand.Uint64()})
		if _, readErr := store.Get(ctx, "called-off"); err == nil && errors.Is(readErr, checkpoint.ErrNotFound) {
			err = readErr // the server has lost everything meanwhile
			if durable {
				err = fmt.Errorf("%w: after an acknowledged write: %w", errWrong, readErr)
			}
		}
		return err
	}
}

// An emptied engine has lost whatever it is asked for.
type emptied struct{ *memstore.Driver }

func (emptied) Get(_ context.Context, keys []string) ([]driver.Record, error) {
	records := make([]driver.Record, len(keys))
	for i, key := range keys {
		records[i] = driver.Record{Key: key, Err: checkpoint.ErrNotFound}
	}
	return records, nil
}

// TestEmptyStore: only a server that keeps nothing may look empty after a write.
func TestEmptyStore(t *testing.T) {
	for _, durable := range []bool{true, false} {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		l := &load{do: func(ctx context.Context, store *checkpoint.Store) error {
			err := callOff(durable)(ctx, store)
			if errors.Is(err, checkpoint.ErrNotFound) {
				cancel()
			}
			return err
		}}
		err := l.run(ctx, checkpoint.New(emptied{memstore.New()}, nil))
		if errors.Is(err, errWrong) != durable {
			t.Errorf("of a store that looks empty (durable: %v): %v", durable, err)
		}
	}
}
