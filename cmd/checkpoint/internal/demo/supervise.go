package demo

import (
	"context"
	"fmt"
	"path"
	"sync"
	"time"
)

// watchEvery is how often the supervisor looks at a checkpoint.
const watchEvery = 20 * time.Millisecond

// An outcome is what became of one consumer.
type outcome struct {
	consumer
	granted []grant // to its instances, one after another
	ahead   int     // events past the checkpoint when the first was killed
	elapsed time.Duration
	stale   staleReport
	verdict verdict
}

// supervise runs all consumers to the end of the log. The first failure stops
// the others.
func (r *run) supervise(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	r.display.say("Starting %d consumers, each a process that holds a lease.", len(r.outcomes))
	r.display.start(ctx, r.outcomes)
	start := time.Now()
	var all sync.WaitGroup
	for _, o := range r.outcomes {
		all.Go(func() {
			runOne := r.runConsumer
			if o.key == victim {
				runOne = r.runVictim
			}
			err := runOne(ctx, o)
			o.elapsed = time.Since(start)
			if err != nil {
				cancel(err) // the first one is the cause; the others fail because of it
			}
		})
	}
	all.Wait()
	r.elapsed = time.Since(start)
	r.display.stop()
	return context.Cause(ctx)
}

func (r *run) runConsumer(ctx context.Context, o *outcome) error {
	child, err := r.start(ctx, o, 1, task{})
	if err != nil {
		return err
	}
	defer child.kill()
	if err := o.waitForGrant(child); err != nil {
		return err
	}
	return r.followToEnd(ctx, child, o)
}

// start starts an instance of a consumer, with what else t says.
func (r *run) start(ctx context.Context, o *outcome, instance int, t task) (*process, error) {
	t.Key, t.Owner = o.key, fmt.Sprintf("%s-%d", path.Base(o.key), instance)
	t.Dir, t.Temporary = r.dir, r.Dir == ""
	return startProcess(ctx, r.Command, r.Store, t)
}

// waitForGrant waits until an instance has the lease.
func (o *outcome) waitForGrant(child *process) error {
	var g grant
	if err := child.report(&g); err != nil {
		return err
	}
	o.granted = append(o.granted, g)
	return nil
}

// follow watches a consumer's checkpoint, as anybody can, until it has passed
// that part of the log, or the process has ended.
func (r *run) follow(ctx context.Context, child *process, o *outcome, until float64) error {
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
		part := r.log.part(cp.Position)
		r.display.progress(o.key, part)
		if part >= until {
			return nil
		}
	}
	return child.err
}

func (r *run) followToEnd(ctx context.Context, child *process, o *outcome) error {
	if err := r.follow(ctx, child, o, 1); err != nil {
		return err
	}
	<-child.ended
	return child.err
}
