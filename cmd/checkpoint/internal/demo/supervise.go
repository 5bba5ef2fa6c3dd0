package demo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/checkpointstore/checkpoint"
)

// victim is the consumer that is killed.
const victim = "demo/stock"

// An outcome is what became of one consumer.
type outcome struct {
	consumer
	epoch       uint64 // of its first instance; the one after it has the next
	checkpoints int
	ahead       int // events past the checkpoint when it was killed
	elapsed     time.Duration
	stale       staleReport
	verdict     verdict
}

// supervise runs all consumers to the end of the log. The first failure stops
// the others.
func (r *run) supervise(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	r.display.say("Starting %d consumers, one process each, with a checkpoint every %s events.", len(r.outcomes), thousands(r.Every))
	r.display.start(ctx, r.outcomes, r.log.Events)
	start := time.Now()
	var all sync.WaitGroup
	for _, o := range r.outcomes {
		all.Go(func() {
			err := r.runConsumer(ctx, o)
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
	if o.key == victim {
		return r.runVictim(ctx, o)
	}
	child, err := r.start(ctx, o, o.epoch, nil)
	if err != nil {
		return err
	}
	return r.follow(child, o, func(progress) bool { return false })
}

// runVictim runs a consumer that is killed when it is well under way, and
// started again. When its successor has moved on, a stale instance of it wakes
// up.
func (r *run) runVictim(ctx context.Context, o *outcome) error {
	child, err := r.start(ctx, o, o.epoch, nil)
	if err != nil {
		return err
	}
	killAt := int(r.killAfter * float64(r.log.Events))
	if err := r.follow(child, o, func(p progress) bool { return p.Events >= killAt && p.Checkpoints > 0 }); err != nil {
		return err
	}
	if child.cmd.ProcessState.Success() {
		return fmt.Errorf("the consumer of %s ended before it was killed", o.key)
	}
	left, err := r.inspect(ctx, o, child.pid())
	if err != nil {
		return err
	}

	child, err = r.start(ctx, o, o.epoch+1, nil)
	if err != nil {
		return err
	}
	r.display.say("Started it again (process %d, epoch %d)\n  from %s.", child.pid(), o.epoch+1, left)
	var stale sync.WaitGroup
	var staleErr error
	var wake sync.Once
	err = r.follow(child, o, func(p progress) bool {
		if p.Checkpoint.Compare(left) > 0 {
			wake.Do(func() { stale.Go(func() { staleErr = r.runStale(ctx, o, left) }) })
		}
		return false
	})
	stale.Wait()
	return cmp.Or(err, staleErr)
}

func (r *run) start(ctx context.Context, o *outcome, epoch uint64, stale *staleTask) (*process, error) {
	return startProcess(ctx, r.Command, r.Store, task{
		Key:       o.key,
		Dir:       r.dir,
		Temporary: r.Dir == "",
		Every:     r.Every,
		Epoch:     epoch,
		Stale:     stale,
	})
}

// follow watches a consumer until it ends, or until kill says of a report that
// it is time: then it kills it. A consumer waits for the answer to its report,
// so that it stands between the work and the checkpoint.
func (r *run) follow(child *process, o *outcome, kill func(progress) bool) error {
	before := o.checkpoints
	for {
		var p progress
		if err := child.next(&p); errors.Is(err, io.EOF) {
			return child.wait()
		} else if err != nil {
			return errors.Join(err, child.kill())
		}
		o.checkpoints = before + p.Checkpoints
		r.display.progress(o.key, p.Events)
		if kill(p) {
			return child.kill()
		}
		child.answer()
	}
}

// inspect looks at what a killed consumer left, and returns its checkpoint.
func (r *run) inspect(ctx context.Context, o *outcome, pid int) (checkpoint.Position, error) {
	cp, err := r.store.Get(ctx, o.key)
	if err != nil {
		return checkpoint.Position{}, err
	}
	var reached checkpoint.Position
	for e, err := range readEffects(o.effectsPath(r.dir)) {
		if errors.Is(err, errTorn) {
			break // killed while it wrote
		}
		if err != nil {
			return checkpoint.Position{}, err
		}
		reached = e.Position
		if reached.Compare(cp.Position) > 0 {
			o.ahead++
		}
	}
	if cp.Position.Compare(reached) > 0 {
		return checkpoint.Position{}, fmt.Errorf("%s was killed with its checkpoint at %s, past its effects, which end at %s", o.key, cp.Position, reached)
	}
	r.display.say("Killed %s with SIGKILL (process %d), %s events past its checkpoint.", o.key, pid, thousands(o.ahead))
	return cp.Position, nil
}

func (r *run) runStale(ctx context.Context, o *outcome, left checkpoint.Position) error {
	child, err := r.start(ctx, o, o.epoch, &staleTask{Until: left, Ahead: r.log.Last})
	if err != nil {
		return err
	}
	if err := child.next(&o.stale); err != nil && !errors.Is(err, io.EOF) {
		return errors.Join(err, child.kill())
	}
	child.answer()
	if err := child.wait(); err != nil {
		return err
	}
	r.display.say("A stale %s woke up (process %d, epoch %d):\n"+
		"  %d older positions were refused, its claim to be at the end was %s.",
		o.key, child.pid(), o.epoch, o.stale.Refused, map[bool]string{true: "fenced", false: "accepted"}[o.stale.Fenced > 0])
	return nil
}
