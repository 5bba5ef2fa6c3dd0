package demo

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/checkpointstore/checkpoint"
)

// leaseTTL is how long the lease of a killed instance blocks the next one. It is short,
// so that the demo is short, and longer than a busy disk delays a renewal.
const leaseTTL = 2 * time.Second

// runConsumer kills the first instance of a consumer while its workers stand still. The
// second instance takes over. When it is well under way, the first one wakes up.
func (r *run) runConsumer(ctx context.Context, o *outcome) error {
	second, err := r.killFirst(ctx, o)
	if err != nil {
		return err
	}
	defer second.kill()
	if err := r.follow(ctx, second, o, r.log.Wake); err != nil {
		return err
	}
	var stale sync.WaitGroup
	var staleErr error
	stale.Go(func() { staleErr = r.runStale(ctx, o) })
	err = r.followToEnd(ctx, second, o)
	stale.Wait()
	return cmp.Or(err, staleErr)
}

// killFirst returns the second instance, which has taken over.
func (r *run) killFirst(ctx context.Context, o *outcome) (second *process, err error) {
	first, err := r.start(ctx, o, 1, task{Hold: r.log.Hold})
	if err != nil {
		return nil, err
	}
	defer first.kill()
	if err := o.waitForGrant(first); err != nil {
		return nil, err
	}
	if !o.plain { // a hot standby; a plain one would work at once
		if second, err = r.start(ctx, o, 2, task{}); err != nil {
			return nil, err
		}
	}
	if err = r.killAtWork(ctx, first, o); err == nil && o.plain {
		second, err = r.start(ctx, o, 2, task{})
	}
	if err == nil {
		err = r.takeOver(o, second)
	}
	if err != nil && second != nil {
		second.kill()
	}
	return second, err
}

// killAtWork kills an instance when its workers stand still and its position is
// stored. The position of a plain one has passed events that no worker has begun.
func (r *run) killAtWork(ctx context.Context, first *process, o *outcome) error {
	until, then := r.log.Hold, fmt.Sprintf("Its lease ends within %.0f s.", leaseTTL.Seconds())
	if o.plain {
		until, then = r.log.Past, o.instance(2)+" starts at once."
	}
	if err := r.follow(ctx, first, o, until); err != nil {
		return err
	}
	first.kill()
	if first.err == nil || first.stderr.Len() > 0 {
		return cmp.Or(first.err, fmt.Errorf("%s ended before it was killed", first.Owner))
	}
	r.display.say("KILLED %s (process %d), %d events in work. %s", first.Owner, first.pid(), workers, then)
	return nil
}

// takeOver waits until the second instance goes on.
func (r *run) takeOver(o *outcome, second *process) error {
	killed := time.Now()
	if err := o.waitForGrant(second); err != nil {
		return err
	}
	took, by := time.Since(killed), "without a lease"
	if !o.plain {
		if err := r.inspect(o); err != nil {
			return err
		}
		by = fmt.Sprintf("with epoch %d after %d", o.granted[1].Epoch, o.granted[0].Epoch)
	}
	r.display.say("TOOK OVER: %s, %.2f s later, %s.", second.Owner, took.Seconds(), by)
	return nil
}

// inspect compares the checkpoint that the killed instance left with its effects, and
// counts the effects past that checkpoint.
func (r *run) inspect(o *outcome) error {
	former, next := o.granted[0], o.granted[1]
	if next.Epoch <= former.Epoch {
		return fmt.Errorf("the lease on %s was taken over with epoch %d, after epoch %d", o.key, next.Epoch, former.Epoch)
	}
	var reached checkpoint.Position
	for e, err := range readEffects(effectsPath(r.dir, o.instance(1))) {
		if err != nil {
			return err
		}
		if e.Position.Compare(reached) > 0 {
			reached = e.Position
		}
		if e.Position.Compare(next.Resume) > 0 {
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
		Known: o.granted[1].Resume, Epoch: o.granted[0].Epoch, Ahead: r.log.Last,
	}})
	if err != nil {
		return err
	}
	defer child.kill()
	if err := child.report(&o.stale); err != nil {
		return err
	}
	r.display.say("WOKE UP: %s. %s", child.Owner, o.stale.told(o.plain))
	<-child.ended
	return child.err
}

// told says how the store answered a stale instance.
func (s staleReport) told(plain bool) string {
	if plain {
		return "Its old position was stored, and it works on."
	}
	said := map[bool]string{true: "stored", false: "refused"}[s.Took]
	claim := map[bool]string{true: "fenced out", false: "let through"}[s.Fenced]
	return fmt.Sprintf("Its old position was %s, its claim of work %s.", said, claim)
}
