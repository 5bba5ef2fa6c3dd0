package demo

import (
	"context"
	"errors"
	"fmt"

	"github.com/checkpointstore/checkpoint"
)

// consume reads the order log from the consumer's checkpoint to its end. The
// effects of an event are durable before the checkpoint passes it; a crash in
// between means events that are seen again, never events that are skipped.
func consume(ctx context.Context, store *checkpoint.Store, t task, report *reporter) error {
	c, err := consumerAt(t.Key)
	if err != nil {
		return err
	}
	effects, sum, err := openEffects(c.effectsPath(t.Dir))
	if err != nil {
		return err
	}
	defer effects.close()
	from, err := resume(ctx, store, c.key, sum)
	if err != nil {
		return err
	}

	commit := func(p checkpoint.Position) error {
		if err := effects.sync(); err != nil {
			return err
		}
		if err := report.progress(ctx, sum.Events); err != nil {
			return err
		}
		ok, err := store.SetIfNewer(ctx, c.key, p, checkpoint.Epoch(t.Epoch))
		switch {
		case err != nil:
			return err
		case !ok:
			return fmt.Errorf("%s: a newer checkpoint is stored than %s: does another demo run on this store?", c.key, p)
		}
		report.committed(p)
		return nil
	}

	last, pending := from, 0
	for event, err := range readLog(logPath(t.Dir), from) {
		if err == nil && ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		if err != nil {
			return err
		}
		effect := Effect{Position: event.Position}
		effect.Name, effect.Amount = c.effect(event)
		if err := effects.append(effect); err != nil {
			return err
		}
		sum.Add(effect)
		last = event.Position
		if pending++; pending == t.Every {
			if err := commit(last); err != nil {
				return err
			}
			pending = 0
		}
	}
	if err := sum.save(c.reportPath(t.Dir)); err != nil {
		return err
	}
	if pending > 0 {
		if err := commit(last); err != nil {
			return err
		}
	}
	return report.progress(ctx, sum.Events)
}

// resume returns the position to read on from.
func resume(ctx context.Context, store *checkpoint.Store, key string, done *Report) (checkpoint.Position, error) {
	cp, err := store.Get(ctx, key)
	switch {
	case errors.Is(err, checkpoint.ErrNotFound):
		return checkpoint.Position{}, nil // the first run: from the start
	case err != nil:
		return checkpoint.Position{}, err // damaged or out of reach: no reason to start over
	case cp.Position.Compare(done.Through) > 0:
		return checkpoint.Position{}, fmt.Errorf("the checkpoint of %s is at %s, but its effects end at %s: the events between would be skipped",
			key, cp.Position, done.Through)
	}
	return cp.Position, nil
}
