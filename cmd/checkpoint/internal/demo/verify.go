package demo

import (
	"cmp"
	"context"
	"fmt"
	"sync"

	"github.com/checkpointstore/checkpoint"
)

// A verdict is the result that the files of a consumer's instances prove.
type verdict struct {
	Events       int // that took effect at least once
	Repeated     int // times that an event was handled again
	Skipped      int // events that took no effect
	FirstSkipped checkpoint.Position
	Foreign      int // effects that no event of the log has
	Back         int // events by which a stale instance moved the position back
}

// examine compares the files of a consumer's instances in dir with the log. It trusts
// nothing that the instances reported.
func examine(ctx context.Context, dir string, c consumer) (verdict, error) {
	handled, err := readHandled(dir, c)
	if err != nil {
		return verdict{}, err
	}
	if ctx.Err() != nil {
		return verdict{}, context.Cause(ctx)
	}
	var v verdict
	for event, err := range readLog(c.logPath(dir), checkpoint.Position{}) {
		if err != nil {
			return verdict{}, err
		}
		effect := event.effect()
		times := handled[effect]
		delete(handled, effect)
		if times == 0 {
			if v.Skipped == 0 {
				v.FirstSkipped = event.Position
			}
			v.Skipped++
			continue
		}
		v.Events++
		v.Repeated += times - 1
	}
	v.Foreign = len(handled)
	return v, nil
}

// readHandled counts how often each effect is in the files of a consumer.
func readHandled(dir string, c consumer) (map[Effect]int, error) {
	paths, err := c.effectsPaths(dir)
	if err != nil {
		return nil, err
	}
	handled := map[Effect]int{}
	for _, path := range paths {
		for e, err := range readEffects(path) {
			if err != nil {
				return nil, err
			}
			handled[e]++
		}
	}
	return handled, nil
}

// fellBack returns by how many events a stale instance moved the position back.
func (o *outcome) fellBack(dir string) (events int, err error) {
	if !o.stale.Took {
		return 0, nil
	}
	for event, err := range readLog(logPath(dir), o.granted[1].Resume) {
		if err != nil {
			return 0, err
		}
		if event.Position.Compare(o.stale.Was) > 0 {
			break
		}
		events++
	}
	return events, nil
}

// verify examines all consumers, and returns a sentence for each claim about ours that
// does not hold.
func (r *run) verify(ctx context.Context) (failures []string, err error) {
	var all sync.WaitGroup
	errs := make([]error, 3)
	for i, o := range r.both() {
		all.Go(func() {
			var examined, counted error
			o.verdict, examined = examine(ctx, r.dir, o.consumer)
			o.verdict.Back, counted = o.fellBack(r.dir)
			errs[i] = cmp.Or(examined, counted)
		})
	}
	all.Go(func() { r.fleet.verdict, errs[2] = examine(ctx, r.dir, r.fleet.consumer) })
	all.Wait()
	if err := cmp.Or(errs...); err != nil {
		return nil, err
	}
	cp, err := r.store.Get(ctx, r.ours.key)
	if err != nil {
		return nil, err
	}
	return append(r.ours.failures(r.log, cp.Position), r.fleet.failures()...), nil
}

// failures returns a sentence for each claim about our consumer that does not hold.
func (o *outcome) failures(log logSummary, stored checkpoint.Position) (failures []string) {
	fail := func(format string, args ...any) { failures = append(failures, fmt.Sprintf(format, args...)) }
	v := o.verdict
	if v.Skipped > 0 {
		fail("%s skipped %d of %d events, the first at %s", o.key, v.Skipped, log.Events, v.FirstSkipped)
	}
	if v.Foreign > 0 {
		fail("%s has effects that no event of the log has: %d", o.key, v.Foreign)
	}
	if v.Repeated != o.ahead {
		fail("%s repeated %d events, and its crash accounts for %d", o.key, v.Repeated, o.ahead)
	}
	if read := v.Events + v.Skipped; read != log.Events {
		fail("the log holds %d events, and not the %d that were written", read, log.Events)
	}
	if stored != log.Last {
		fail("the checkpoint of %s is at %s, and the end of the log at %s", o.key, stored, log.Last)
	}
	if o.stale.Took {
		fail("%s took an old position from a stale instance", o.key)
	}
	if !o.stale.Fenced {
		fail("%s took a claim from a stale instance", o.key)
	}
	return failures
}
