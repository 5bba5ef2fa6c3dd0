package demo

import (
	"context"
	"sync"
	"time"

	"github.com/checkpointstore/checkpoint"
)

// watchEvery is how often the supervisor looks at a checkpoint.
const watchEvery = 20 * time.Millisecond

// An outcome is what became of one consumer.
type outcome struct {
	consumer
	granted []grant // to its instances, one after another
	ahead   int     // events past the checkpoint when the first was killed
	stale   staleReport
	verdict verdict
}

// supervise runs both consumers to the end of the log. The first failure stops
// the other.
func (r *run) supervise(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var all sync.WaitGroup
	for _, o := range r.both() {
		all.Go(func() {
			if err := r.runConsumer(ctx, o); err != nil {
				cancel(err) // the first one is the cause; the other fails because of it
			}
		})
	}
	all.Wait()
	r.display.stop()
	return context.Cause(ctx)
}

// start starts an instance of a consumer with the task t.
func (r *run) start(ctx context.Context, o *outcome, instance int, t task) (*process, error) {
	t.Key, t.Plain, t.Owner = o.key, o.plain, o.instance(instance)
	t.Dir, t.Temporary = r.dir, r.Dir == ""
	return startProcess(ctx, r.Command, r.Store, t)
}

// waitForGrant waits until an instance begins to work.
func (o *outcome) waitForGrant(child *process) error {
	var g grant
	if err := child.report(&g); err != nil {
		return err
	}
	o.granted = append(o.granted, g)
	return nil
}

// follow watches a consumer's checkpoint, as anybody can, until it has reached a
// position, or the process has ended.
func (r *run) follow(ctx context.Context, child *process, o *outcome, until checkpoint.Position) error {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for ended := false; !ended; {
		select {
		case <-tick.C:
		case <-child.ended:
			ended = true
		}
		cp, err := r.store.Get(ctx, o.key)
		if err != nil {
			return err
		}
		r.display.progress(o.key, r.log.part(cp.Position))
		if cp.Position.Compare(until) >= 0 {
			return nil
		}
	}
	return child.err
}

// followToEnd watches until the process has ended.
func (r *run) followToEnd(ctx context.Context, child *process, o *outcome) error {
	if err := r.follow(ctx, child, o, r.log.Last); err != nil {
		return err
	}
	<-child.ended
	return child.err
}
