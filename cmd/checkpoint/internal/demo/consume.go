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

// flushAfter is the time from checkpoint to checkpoint. Events are handled so fast that
// a checkpoint every so many events would keep the disk busy.
const (
	flushAfter  = 200 * time.Millisecond
	flushByTime = 1 << 30 // events that no log has
)

// A grant is what an instance reports when it begins.
type grant struct {
	Epoch  uint64              `json:"epoch,string"` // of its lease; a plain consumer has none
	Resume checkpoint.Position `json:"resume"`       // its checkpoint
}

// consume is one instance of our consumer. It waits for the lease, goes on from
// the checkpoint, and ends with the log.
func consume(ctx context.Context, store *checkpoint.Store, t task, report *json.Encoder) (err error) {
	s, err := subscription.Open(ctx, store, t.Key, &subscription.Options{
		FlushAfter: flushAfter,
		FlushEvery: flushByTime,
		Lease:      &subscription.Lease{Owner: t.Owner, TTL: leaseTTL, Wait: true},
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close(context.WithoutCancel(ctx))) }()

	effects, err := openEffects(effectsPath(t.Dir, t.Owner))
	if err != nil {
		return err
	}
	defer effects.close()
	from, _ := s.Resume()
	if err := report.Encode(grant{Epoch: s.Epoch(), Resume: from}); err != nil {
		return err
	}
	read := func(context.Context) iter.Seq2[Event, error] { return readLog(logPath(t.Dir), from) }
	err = subscription.Run(ctx, s, read, subscription.Handler[Event]{
		Position: func(e Event) checkpoint.Position { return e.Position },
		Handle:   func(_ context.Context, e Event) error { return t.handle(ctx, effects, e) },
		Workers:  workers,
	})
	return cmp.Or(err, context.Cause(ctx))
}

// handle is how both consumers handle an event, which is done when it returns.
// The effect outlives this process, however it dies, except a crash of the
// machine: a consumer that needs more syncs the file.
//
// After Hold, handle stops between the effect and its return, as if a database hung, so
// that the demo can kill the instance there.
func (t task) handle(ctx context.Context, effects *effects, e Event) error {
	if err := effects.append(e.effect()); err != nil {
		return err
	}
	if t.Hold != (checkpoint.Position{}) && e.Position.Compare(t.Hold) > 0 {
		<-ctx.Done()
		return context.Cause(ctx)
	}
	return nil
}
