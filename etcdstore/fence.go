package etcdstore

import (
	"context"
	"time"

	"github.com/checkpointstore/checkpoint/cell"
	"github.com/checkpointstore/checkpoint/driver"
)

// RaiseFence implements [driver.Fencer].
func (d *Driver) RaiseFence(ctx context.Context, key string, atLeast uint64) (uint64, error) {
	type raised struct {
		fence uint64
		err   error
	}
	if err := d.ready(ctx); err != nil {
		return 0, err
	}
	changes := []*change{{key: key, reads: readsAll, audits: true, decide: func(c cell.Cell, now time.Time) decision {
		after, fence, err := c.RaiseFence(atLeast, now)
		return decision{cell: after, answer: raised{fence, err}, entry: cell.RaiseEntry(c, after, atLeast, driver.ByOf(ctx), now)}
	}}}
	d.do(ctx, changes)
	r, err := answerOf[raised](changes[0])
	if err != nil {
		return 0, err
	}
	return r.fence, r.err
}

// ReleaseFences implements [driver.Fencer]. It compares the times at which fences were
// raised and leases ended with the clock of this machine.
func (d *Driver) ReleaseFences(ctx context.Context, keys []string, idle time.Duration) (int, error) {
	changes := make([]*change, len(keys))
	for i, key := range keys {
		changes[i] = &change{key: key, reads: readsAll, decide: func(c cell.Cell, now time.Time) decision {
			after, released := c.ReleaseFence(idle, now)
			return decision{cell: after, answer: released, forgets: released}
		}}
	}
	return d.count(ctx, changes)
}
