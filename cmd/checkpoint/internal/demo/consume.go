package demo

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"iter"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/subscription"
)

// flushAfter is the time from checkpoint to checkpoint. Events are handled so
// fast that to count them would keep the disk busy with checkpoints.
const (
	flushAfter  = 200 * time.Millisecond
	flushByTime = 1 << 30 // events that no log has
)

// A grant is what a consumer reports when it has the lease.
type grant struct {
	Epoch  uint64              `json:"epoch,string"`
	Resume checkpoint.Position `json:"resume"` // its checkpoint
	Found  int                 `json:"found"`  // events that took effect before
}

// consume is one instance of a consumer. It waits for the lease, goes on from
// the checkpoint, and ends with the log.
//
// An event is acknowledged when write(2) has taken its effect. That outlives
// this process, however it dies, but not the machine: whoever needs that syncs
// the file before Handle returns.
//
// At the first event at or past HoldAt, unless that is zero, it stands still
// between the effect and the acknowledgement, so that it can be killed there.
func consume(ctx context.Context, store *checkpoint.Store, t task, report *json.Encoder) (err error) {
	c, err := consumerAt(t.Key)
	if err != nil {
		return err
	}
	s, err := subscription.Open(ctx, store, c.key, &subscription.Options{
		FlushAfter: flushAfter,
		FlushEvery: flushByTime,
		Lease:      &subscription.Lease{Owner: t.Owner, TTL: t.LeaseTTL, Wait: true},
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close(context.WithoutCancel(ctx))) }()

	// Not before it has the lease: until then another instance writes the file.
	effects, sum, err := openEffects(c.effectsPath(t.Dir))
	if err != nil {
		return err
	}
	defer effects.close()
	from, _ := s.Resume()
	if err := report.Encode(grant{Epoch: s.Epoch(), Resume: from, Found: sum.Events}); err != nil {
		return err
	}
	read := func(context.Context) iter.Seq2[Event, error] { return readLog(logPath(t.Dir), from) }
	err = subscription.Run(ctx, s, read, subscription.Handler[Event]{
		Position: func(e Event) checkpoint.Position { return e.Position },
		Handle: func(_ context.Context, e Event) error {
			effect := c.handle(e)
			if err := effects.append(effect); err != nil {
				return err
			}
			sum.Add(effect)
			if t.HoldAt > 0 && e.Position.Prepare >= t.HoldAt {
				<-ctx.Done()
				return context.Cause(ctx)
			}
			return nil
		},
	})
	if err = cmp.Or(err, context.Cause(ctx)); err != nil {
		return err
	}
	return sum.save(c.reportPath(t.Dir))
}
