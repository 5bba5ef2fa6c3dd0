package contention

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/integration/internal/engines"
	"github.com/checkpointstore/checkpoint/subscription"
)

// An instance is one process of the consumer.
type instance struct {
	task
	store    *checkpoint.Store
	records  *recorder
	sabotage saboteur
}

// consume is the life of an instance: it waits for the lease, works until that
// is lost, and begins anew, until ctx ends.
func consume(ctx context.Context, t task) (err error) {
	i := instance{task: t, sabotage: saboteurs[t.Sabotage]}
	if i.records, err = newRecorder(t.File); err != nil {
		return err
	}
	d, closeClient, err := engines.Open(ctx, t.Store, t.Timeout)
	if err != nil {
		return err
	}
	if i.sabotage.driver != nil {
		d = i.sabotage.driver(d)
	}
	i.store = checkpoint.New(d, &checkpoint.Options{Observers: []checkpoint.Observer{failures{i.records}}})
	defer func() { err = errors.Join(err, i.store.Close(), closeClient()) }()
	for ctx.Err() == nil {
		if err := i.takePart(ctx); err != nil {
			return err
		}
	}
	return nil
}

// takePart is one turn: from the wait for the lease to its end.
func (i *instance) takePart(ctx context.Context) error {
	if err := i.records.add(record{What: waiting}); err != nil {
		return err
	}
	s, err := i.open(ctx)
	if err != nil || s == nil {
		return err
	}
	from, _ := s.Resume()
	n, ok := eventAt(from)
	if !ok {
		return fmt.Errorf("resumed at %s, where nothing stands", from)
	}
	if err := i.records.add(record{What: granted, Epoch: s.Epoch(), Event: n}); err != nil {
		return err
	}
	if i.sabotage.start != nil {
		n = i.sabotage.start(n)
	}
	read := func(ctx context.Context) iter.Seq2[event, error] { return eventsAfter(ctx, n) }
	err = subscription.Run(ctx, s, read, i.handling(s.Epoch()))
	lost := isAny(s.Err(), checkpoint.ErrFenced, subscription.ErrLeaseLost, subscription.ErrOvertaken)
	if err := i.records.add(record{What: ended, Epoch: s.Epoch(), Why: why(ctx, s, err)}); err != nil {
		return err
	}
	// Longer than FlushTimeout, which is to decide.
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	switch err := s.Close(closing); {
	case lost:
		return i.writeAsZombie(ctx, s)
	case err != nil:
		return err
	}
	return i.records.add(record{What: closed, Epoch: s.Epoch()})
}

// open waits for the lease, also while the store cannot be reached. It returns
// nil when ctx ends first.
func (i *instance) open(ctx context.Context) (*subscription.Subscription, error) {
	for {
		s, err := subscription.Open(ctx, i.store, i.Key, i.options())
		switch {
		case err == nil:
			return s, nil
		case isAny(err, checkpoint.ErrCorrupt, checkpoint.ErrNotFound, checkpoint.ErrClosed):
			return nil, err
		case !pause(ctx, 10*time.Millisecond):
			return nil, nil
		}
	}
}

func (i *instance) handling(epoch uint64) subscription.Handler[event] {
	write := func(n event) error { return i.records.add(record{What: handled, Epoch: epoch, Event: n}) }
	if i.sabotage.record != nil {
		write = i.sabotage.record(write)
	}
	h := subscription.Handler[event]{
		Position:    event.position,
		OrderingKey: event.orderingKey,
		Handle: func(ctx context.Context, n event) error {
			if rand.N(2) == 0 {
				ctx = context.Background() // cannot be called off, and makes the worse zombie
			}
			if !pause(ctx, rand.N(i.Work)) {
				return ctx.Err()
			}
			return write(n)
		},
		Workers: i.Workers,
	}
	if i.sabotage.unordered {
		h.OrderingKey = nil
	}
	return h
}

// why says why Run ended.
func why(ctx context.Context, s *subscription.Subscription, err error) string {
	switch cause := s.Err(); {
	case errors.Is(cause, subscription.ErrLeaseLost):
		return leaseLost
	case errors.Is(cause, checkpoint.ErrFenced):
		return fenced
	case cause == nil && err == nil && ctx.Err() != nil:
		return calledOff
	}
	return fmt.Sprint("Run: ", err)
}

func isAny(err error, targets ...error) bool {
	return slices.ContainsFunc(targets, func(target error) bool { return errors.Is(err, target) })
}

// writeAsZombie writes once more with the epoch of a lease that is lost, and
// tries until the store answers.
func (i *instance) writeAsZombie(ctx context.Context, s *subscription.Subscription) error {
	for {
		attempt, cancel := context.WithTimeout(ctx, i.Timeout)
		_, err := i.store.SetIfNewer(attempt, i.Key, s.Stats().LowWatermark, checkpoint.Epoch(s.Epoch()))
		cancel()
		switch {
		case errors.Is(err, checkpoint.ErrFenced):
			return i.records.add(record{What: zombie, Epoch: s.Epoch(), Why: refused})
		case err == nil:
			return i.records.add(record{What: zombie, Epoch: s.Epoch(), Why: accepted})
		case !pause(ctx, 10*time.Millisecond):
			return nil
		}
	}
}

// pause reports whether ctx has let it wait.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}
