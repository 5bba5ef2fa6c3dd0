package keeper

import (
	"cmp"
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/internal/clock"
)

// A Lease is a lease that a [Keeper] renews.
type Lease struct {
	keeper *Keeper
	lease  checkpoint.Lease // as it was granted
	ctx    context.Context
	cancel context.CancelCauseFunc

	ends atomic.Pointer[ends] // changes under the Keeper's mu

	// Under the Keeper's mu:
	early   time.Time     // from when on a call for others renews it, too
	due     time.Time     // when it is to be renewed
	slept   time.Duration // how far the wall clock was ahead when a suspend made it due
	end     *time.Timer
	failure error // why it was not renewed since, or nil
	call    *call // that renews it, or nil
}

// ends is when a lease ends by each of the clocks: its TTL after the time before the last
// request that succeeded.
type ends struct{ awake, wall time.Time }

// left returns how long the lease lasts at now, by the clock that has gone further.
func (e *ends) left(now time.Time) time.Duration {
	return min(e.awake.Sub(now), e.wall.Sub(clock.Wall(now)))
}

// Lease returns the lease as it was added. Its ExpiresAt does not follow renewals.
func (l *Lease) Lease() checkpoint.Lease { return l.lease }

// Context returns a context that ends when the lease is lost. Its cause wraps [ErrLost]
// and the reason. The reason is checkpoint.ErrFenced after a take-over, Rewind, Fence or
// Revoke, of which the Keeper learns with the next renewal. Otherwise the reason says why
// no renewal succeeded, or that the machine was suspended.
//
// The context ends at the latest when the TTL is over by this machine's clock, whatever
// the store does. The TTL counts from a time before the request that granted or renewed
// the lease. So the context never ends later than the lease does by the engine's clock,
// unless somebody sets the engine's clock forward.
//
// Timers stand still while the machine is suspended. So the Keeper also looks at the
// wall clock, twenty times within the TTL: after a suspend in which the lease ended,
// the context ends within a twentieth of the TTL. [Lease.Held] notices the end at once.
// If somebody sets the wall clock forward, leases end, too.
//
// After Remove the context ends with context.Canceled.
func (l *Lease) Context() context.Context { return l.ctx }

// Held reports whether the lease lasts at now, by the monotonic and by the wall clock.
// Pass what time.Now has just returned. If Held returns false, the lease's context has
// ended. A holder that calls Held before each piece of work begins none after a suspend
// that outlasted the lease.
func (l *Lease) Held(now time.Time) bool {
	if l.ctx.Err() != nil {
		return false
	}
	if l.ends.Load().left(now) > 0 {
		return true
	}
	l.keeper.mu.Lock()
	defer l.keeper.mu.Unlock()
	l.look(now)
	return l.ctx.Err() == nil
}

// Left returns how long the lease lasts at now, by the monotonic and by the wall clock,
// unless it is renewed. Zero: it has ended.
func (l *Lease) Left(now time.Time) time.Duration {
	if l.ctx.Err() != nil {
		return 0
	}
	return max(0, l.ends.Load().left(now))
}

// Remove ends the renewals and the context of l. Then it waits until no renewal of l is
// under way. If ctx ends first, Remove returns the cause, and a renewal may still
// arrive. Remove does not release the lease. Call Remove before you release the lease:
// a renewal that arrives after a release brings the lease back.
func (l *Lease) Remove(ctx context.Context) error {
	k := l.keeper
	k.mu.Lock()
	l.stop(nil)
	c := l.call
	k.mu.Unlock()
	if c == nil {
		return nil
	}
	select {
	case <-c.done:
		return nil
	case <-ctx.Done():
		k.mu.Lock()
		defer k.mu.Unlock()
		c.abandon()
		return context.Cause(ctx)
	}
}

// renewed takes a grant that was asked for at since, when the wall clock said wall.
func (l *Lease) renewed(since, wall time.Time) {
	l.failure, l.slept = nil, 0
	e := &ends{since.Add(l.lease.TTL), wall.Add(l.lease.TTL)}
	l.ends.Store(e)
	l.end.Reset(time.Until(e.awake))
	l.schedule(since, l.lease.TTL/3)
}

// failed keeps the error of the last answer. The error that a call was given up does
// not replace it, since it says less.
func (l *Lease) failed(now time.Time, err error, givenUp bool) {
	if l.failure == nil || !givenUp {
		l.failure = err
	}
	l.schedule(now, l.lease.TTL/20)
}

func (l *Lease) schedule(from time.Time, wait time.Duration) {
	l.early, l.due = from.Add(wait/2), from.Add(wait)
}

// late is called when l may have ended.
func (l *Lease) late() {
	l.keeper.mu.Lock()
	defer l.keeper.mu.Unlock()
	l.look(time.Now())
}

// look ends l if its time is over. If l has survived a suspend, look makes a renewal
// due, once: if the renewal fails, the next one waits as after any failure.
func (l *Lease) look(now time.Time) {
	e := l.ends.Load()
	left, awake := e.left(now), e.awake.Sub(now)
	switch {
	case l.ctx.Err() != nil:
	case awake <= 0:
		l.lose(fmt.Errorf("it could not be renewed for %v: %w", l.lease.TTL, cmp.Or(l.failure, errUnanswered)))
	case left <= 0:
		l.lose(errSuspended)
	case awake-left-l.slept >= l.lease.TTL/20:
		l.slept = awake - left
		if l.due.After(now) {
			l.early, l.due = now, now
		}
	}
}

func (l *Lease) lose(why error) { l.stop(fmt.Errorf("%w: %w", ErrLost, why)) }

func (l *Lease) stop(cause error) {
	l.end.Stop()
	l.cancel(cause)
	delete(l.keeper.leases, l)
	l.keeper.signal()
}
