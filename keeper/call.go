package keeper

import (
	"context"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/internal/clock"
)

// A call renews some leases.
type call struct {
	kept   []*Lease
	leases []checkpoint.Lease // those of kept
	asked  time.Time          // before the request was sent
	wall   time.Time          // what the wall clock said then

	ctx      context.Context
	deadline time.Time
	giveUp   context.CancelCauseFunc
	cancel   context.CancelFunc
	sooner   *time.Timer // gives up before the deadline, or nil
	looks    *time.Timer // looks at the clocks meanwhile
	done     chan struct{}
}

func newCall(now, firstEnd time.Time) *call {
	c := &call{asked: now, wall: clock.Wall(now), deadline: patience(now, firstEnd), done: make(chan struct{})}
	c.ctx, c.giveUp = context.WithCancelCause(context.Background())
	c.ctx, c.cancel = context.WithDeadlineCause(c.ctx, c.deadline, errUnanswered)
	return c
}

// patience returns until when a call may take if a lease ends at end.
func patience(now, end time.Time) time.Time { return now.Add(end.Sub(now) / 4 * 3) }

func (c *call) add(l *Lease) {
	l.call = c
	c.kept = append(c.kept, l)
	c.leases = append(c.leases, l.lease)
}

// spare gives c up in time for l, which was added meanwhile.
func (c *call) spare(l *Lease) {
	now := time.Now()
	deadline := patience(now, l.ends.Load().awake)
	if !deadline.Before(c.deadline) {
		return
	}
	c.deadline = deadline
	if c.sooner != nil {
		c.sooner.Stop()
	}
	c.sooner = time.AfterFunc(deadline.Sub(now), func() { c.giveUp(errUnanswered) })
}

// abandon gives c up if each of its leases was removed or is lost.
func (c *call) abandon() {
	for _, l := range c.kept {
		if l.ctx.Err() == nil {
			return
		}
	}
	c.giveUp(context.Canceled)
}

func (c *call) end() {
	c.looks.Stop()
	if c.sooner != nil {
		c.sooner.Stop()
	}
	c.cancel()
	c.giveUp(nil)
	close(c.done)
}
