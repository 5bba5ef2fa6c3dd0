package etcdstore

import (
	"context"
	"time"

	"github.com/checkpointstore/checkpoint/cell"
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
	changes := []*change{{key: key, reads: readsAll, decide: func(c cell.Cell, now time.Time) (cell.Cell, any) {
		after, fence, err := c.RaiseFence(atLeast, now)
		return after, raised{fence, err}
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
		changes[i] = &change{key: key, reads: readsAll, decide: func(c cell.Cell, now time.Time) (cell.Cell, any) {
			after, released := c.ReleaseFence(idle, now)
			return after, released
		}}
	}
	return d.count(ctx, changes)
}
