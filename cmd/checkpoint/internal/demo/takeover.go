package demo

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/checkpointstore/checkpoint"
)

// victim is the consumer that has two instances, one of which is killed.
const victim = "demo/stock"

// leaseTTL is how long the lease of an instance that was killed stands in the
// way of the other. It is short, so that the demo is, and longer than a busy
// disk holds up a renewal.
const leaseTTL = 2 * time.Second

// An instance is killed when its checkpoint has passed the first of these parts
// of the log. It holds at the second, so that it is killed in mid-flight in a
// short log, too.
const (
	killAfter = 0.3
	holdAfter = 0.7
)

// runVictim runs two instances of a consumer that contend for one lease. It
// kills the one at work when it is well under way. When the other has taken
// over, the first wakes up.
func (r *run) runVictim(ctx context.Context, o *outcome) error {
	first, err := r.start(ctx, o, 1, task{LeaseTTL: leaseTTL, HoldAt: r.log.at(holdAfter)})
	if err != nil {
		return err
	}
	defer first.kill()
	if err := o.waitForGrant(first); err != nil {
		return err
	}
	standby, err := r.start(ctx, o, 2, task{LeaseTTL: leaseTTL})
	if err != nil {
		return err
	}
	defer standby.kill()
	r.display.say("%s has the lease on %s (process %d, epoch %d).\n"+
		"  %s waits for it, a hot standby (process %d).",
		first.Owner, o.key, first.pid(), o.granted[0].Epoch, standby.Owner, standby.pid())

	if err := r.follow(ctx, first, o, killAfter); err != nil {
		return err
	}
	first.kill()
	killed := time.Now()
	if first.err == nil || first.stderr.Len() > 0 {
		return cmp.Or(first.err, fmt.Errorf("%s ended before it was killed", first.Owner))
	}
	r.display.say("Killed %s with SIGKILL.", first.Owner)
	if err := o.waitForGrant(standby); err != nil {
		return err
	}
	took := time.Since(killed)
	if err := r.inspect(o); err != nil {
		return err
	}
	r.display.say("%s took over %.2f s later, when the lease had run out (epoch %d), and\n"+
		"  goes on from %s.\n  What was done after it is done again: %s of the events.",
		standby.Owner, took.Seconds(), o.granted[1].Epoch, o.granted[1].Resume, thousands(o.ahead))

	var stale sync.WaitGroup
	var staleErr error
	stale.Go(func() { staleErr = r.runStale(ctx, o) })
	err = r.followToEnd(ctx, standby, o)
	stale.Wait()
	return cmp.Or(err, staleErr)
}

// inspect looks at what the killed instance left to the one that took over.
func (r *run) inspect(o *outcome) error {
	former, next := o.granted[0], o.granted[1]
	if next.Epoch <= former.Epoch {
		return fmt.Errorf("the lease on %s was taken over with epoch %d, after epoch %d", o.key, next.Epoch, former.Epoch)
	}
	var reached checkpoint.Position
	found := 0
	for e, err := range readEffects(o.effectsPath(r.dir)) {
		if err != nil && found < next.Found {
			return err
		}
		if found++; found > next.Found {
			break // the other writes on
		}
		reached = e.Position
		if reached.Compare(next.Resume) > 0 {
			o.ahead++
		}
	}
	if next.Resume.Compare(reached) > 0 {
		return fmt.Errorf("%s was killed with its checkpoint at %s, past its effects, which end at %s", o.key, next.Resume, reached)
	}
	return nil
}

func (r *run) runStale(ctx context.Context, o *outcome) error {
	child, err := r.start(ctx, o, 1, task{Stale: &staleTask{
		Epoch: o.granted[0].Epoch, Until: o.granted[1].Resume, Ahead: r.log.Last,
	}})
	if err != nil {
		return err
	}
	defer child.kill()
	if err := child.report(&o.stale); err != nil {
		return err
	}
	<-child.ended
	if child.err != nil {
		return child.err
	}
	r.display.say("A stale %s woke up (process %d, epoch %d):\n"+
		"  %d older positions were refused, its claim to be at the end was %s.",
		child.Owner, child.pid(), o.granted[0].Epoch, o.stale.Refused,
		map[bool]string{true: "fenced", false: "accepted"}[o.stale.Fenced > 0])
	return nil
}
