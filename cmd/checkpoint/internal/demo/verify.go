package demo

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"sync"

	"github.com/checkpointstore/checkpoint"
)

// A verdict is what a consumer's files prove.
type verdict struct {
	Events       int // that took effect at least once
	Replayed     int // times that an event was handled again
	Skipped      int // events that took no effect
	FirstSkipped checkpoint.Position
	Foreign      int // effects that no event of the log has
	Report       *Report
	ReportRight  bool // it equals that of one straight pass over the log
}

// examine compares what a consumer left in dir with the log. It believes
// nothing that the consumer said of itself.
func examine(ctx context.Context, dir string, c consumer) (verdict, error) {
	handled := map[Effect]int{}
	for e, err := range readEffects(c.effectsPath(dir)) {
		if err != nil {
			return verdict{}, err
		}
		handled[e]++
	}
	if ctx.Err() != nil {
		return verdict{}, context.Cause(ctx)
	}

	var v verdict
	want := newReport()
	for event, err := range readLog(logPath(dir), checkpoint.Position{}) {
		if err != nil {
			return verdict{}, err
		}
		effect := c.handle(event)
		want.Add(effect)

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
		v.Replayed += times - 1
	}
	v.Foreign = len(handled)

	report, err := loadReport(c.reportPath(dir))
	if err != nil {
		return verdict{}, err
	}
	v.Report = report
	v.ReportRight = report.Through == want.Through && report.Events == want.Events && maps.Equal(report.Totals, want.Totals)
	return v, nil
}

// verify examines every consumer and returns a sentence for everything that
// does not hold.
func (r *run) verify(ctx context.Context) (failures []string, err error) {
	var all sync.WaitGroup
	errs := make([]error, len(r.outcomes))
	for i, o := range r.outcomes {
		all.Go(func() { o.verdict, errs[i] = examine(ctx, r.dir, o.consumer) })
	}
	all.Wait()
	if err := cmp.Or(errs...); err != nil {
		return nil, err
	}
	for _, o := range r.outcomes {
		cp, err := r.store.Get(ctx, o.key)
		if err != nil {
			return nil, err
		}
		failures = append(failures, o.failures(r.log, cp.Position)...)
	}
	return failures, nil
}

// failures says what does not hold for one consumer of the log.
func (o *outcome) failures(log logSummary, stored checkpoint.Position) (failures []string) {
	fail := func(format string, args ...any) { failures = append(failures, fmt.Sprintf(format, args...)) }
	v := o.verdict
	if v.Skipped > 0 {
		fail("%s skipped %d of %d events, the first at %s", o.key, v.Skipped, log.Events, v.FirstSkipped)
	}
	if v.Foreign > 0 {
		fail("%s has effects that no event of the log has: %d", o.key, v.Foreign)
	}
	if v.Replayed != o.ahead {
		fail("%s replayed %d, where its crash accounts for %d", o.key, v.Replayed, o.ahead)
	}
	if read := v.Events + v.Skipped; read != log.Events {
		fail("the log holds %d events, and not the %d that were written", read, log.Events)
	}
	if !v.ReportRight {
		fail("the report of %s is not what one pass over the log gives", o.key)
	}
	if stored != log.Last {
		fail("the checkpoint of %s is at %s, and the end of the log at %s", o.key, stored, log.Last)
	}
	if o.stale.Accepted > 0 {
		fail("%s let a stale instance write %d times", o.key, o.stale.Accepted)
	}
	if o.key == victim && (o.stale.Refused == 0 || o.stale.Fenced == 0) {
		fail("the stale instance of %s was refused %d times and fenced %d times", o.key, o.stale.Refused, o.stale.Fenced)
	}
	return failures
}
