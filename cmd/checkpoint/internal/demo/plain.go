package demo

import (
	"cmp"
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/checkpointstore/checkpoint"
)

// plainQueue is how many events wait for the workers of a plain consumer.
const plainQueue = 32

// consumePlain is one instance of a consumer as most people write it. Its position is
// the position of the last event that it read. It stores the position as often as our
// consumer does, by a Set that nothing refuses.
func consumePlain(ctx context.Context, store *checkpoint.Store, t task, report *json.Encoder) error {
	cp, err := store.Get(ctx, t.Key)
	if err != nil {
		return err
	}
	if err := report.Encode(grant{Resume: cp.Position}); err != nil {
		return err
	}
	return goOnPlain(ctx, store, t, cp.Position)
}

// goOnPlain handles the events after a position.
func goOnPlain(ctx context.Context, store *checkpoint.Store, t task, from checkpoint.Position) error {
	effects, err := openEffects(effectsPath(t.Dir, t.Owner))
	if err != nil {
		return err
	}
	defer effects.close()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	queue := make(chan Event, plainQueue)
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for e := range queue {
				if err := t.handle(ctx, effects, e); err != nil {
					cancel(err)
					return
				}
			}
		})
	}
	last, err := readPlain(ctx, store, t, from, queue)
	close(queue)
	all.Wait()
	if err := cmp.Or(err, context.Cause(ctx)); err != nil {
		return err
	}
	return store.Set(ctx, t.Key, last)
}

// readPlain hands events to the workers. It returns the position of the last.
func readPlain(
	ctx context.Context, store *checkpoint.Store, t task, last checkpoint.Position, queue chan<- Event,
) (checkpoint.Position, error) {
	flush := time.NewTicker(flushAfter)
	defer flush.Stop()
	for e, err := range readLog(logPath(t.Dir), last) {
		if err != nil {
			return last, err
		}
		last = e.Position
		for handed := false; !handed; {
			select {
			case queue <- e:
				handed = true
			case <-flush.C:
				if err := store.Set(ctx, t.Key, last); err != nil {
					return last, err
				}
			case <-ctx.Done():
				return last, context.Cause(ctx)
			}
		}
	}
	return last, nil
}
