package subscription

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/keeper"
)

// releasePatience is for how long a release is tried. A release only shortens the wait
// of a standby.
const releasePatience = 2 * time.Second

// ErrAtWork says that Close has not released the lease, because a handler is still at work.
// The lease ends by itself. Another subscription with the lease's Owner would get the
// lease at once: do not open one before the TTL is over.
var ErrAtWork = errors.New("a handler is still at work")

// Lease says how an instance becomes the one at work.
type Lease struct {
	// Owner names the instance, in logs and to others that ask for the lease. An
	// instance that has the same name after a crash gets the lease back at once.
	// Instances that run at the same time must not share a name, so do not use the
	// hostname alone if several of them run on one machine. It has 512 bytes at most. With
	// more than 256, the subscription cannot report, and hears of no pause. Empty: a unique
	// name of the hostname, the process id and a random text.
	Owner string

	// TTL is how long the lease lasts unless it is renewed. The Keeper renews it three
	// times in a TTL. After a crash a standby waits for up to TTL. Zero: 15 seconds.
	TTL time.Duration

	// Wait makes Open wait for the lease, as a hot standby, until its context ends. Open
	// asks 50 times in a TTL, but no more often than every 50 ms. It also asks when the
	// other owner's lease ends by itself. If the engine can tell, it also asks when the
	// lease is released or revoked, however long the TTL is. Without Wait, Open fails
	// with checkpoint.ErrLeaseHeld if another owner holds the lease.
	Wait bool

	// Keeper renews the lease. All subscriptions with this Keeper share its calls. It
	// must be a Keeper of the store that you pass to Open. Nil: the subscription has a
	// Keeper of its own.
	Keeper *keeper.Keeper
}

// keep acquires the lease, and adds it to the Keeper.
func (s *Subscription) keep(ctx context.Context) error {
	k := s.opts.Lease.Keeper
	switch {
	case k == nil:
		k = keeper.New(s.store)
	case k.Store() != s.store:
		return errors.New("subscription: Lease.Keeper is for another store: make it with the store that you pass to Open")
	}
	lease, asked, err := s.acquire(ctx)
	if err != nil {
		return err
	}
	if s.lease, err = k.Add(lease, asked); err != nil {
		return err
	}
	s.log.Info("the lease is acquired", "epoch", lease.Epoch)
	each(s.hooks.gained, func(o LeaseGainedObserver) { o.LeaseGained(lease) })
	return nil
}

// acquire gets the lease, and returns a time from which the lease counts. A standby
// that waits for the lease outlives an outage of the store.
func (s *Subscription) acquire(ctx context.Context) (checkpoint.Lease, time.Time, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	bell := doorbell{store: s.store, key: s.key}
	waiting := false
	var answered time.Time // when the store last said that the lease is held
	for {
		asked := time.Now()
		lease, err := s.store.Acquire(ctx, s.key, s.opts.Lease.Owner, s.opts.Lease.TTL)
		if err == nil {
			return lease, asked, nil
		}
		switch held := errors.Is(err, checkpoint.ErrLeaseHeld); {
		case held && s.opts.Lease.Wait:
			answered = time.Now()
			if !waiting {
				waiting = true
				s.log.Info("waiting for the lease", "error", err.Error())
			}
		case !waiting || isFinal(err) || ctx.Err() != nil || time.Since(answered) >= s.opts.FlushTimeout:
			return lease, asked, err
		default:
			s.log.Warn("the standby could not ask for the lease, and tries again", "error", err.Error())
		}
		bell.wait(ctx, standbyPause(s.opts.Lease.TTL, err)) // at its end the store says why
	}
}

// atWork reports whether the subscription goes on, and the lease lasts, at now. Pass
// what time.Now has just returned. If the lease ended during a suspend, atWork ends the
// subscription at once.
func (s *Subscription) atWork(now time.Time) bool {
	if s.life.ctx.Err() != nil {
		return false
	}
	if s.lease == nil || s.lease.Held(now) {
		return true
	}
	s.endLeaseless()
	return false
}

// leaseEnded ends the subscription, and tells the observers, if the lease is lost.
func (s *Subscription) leaseEnded() {
	if s.endLeaseless() {
		each(s.hooks.lost, func(o LeaseLostObserver) { o.LeaseLost(s.lease.Lease(), context.Cause(s.lease.Context())) })
	}
}

// endLeaseless ends the subscription, unless Close has given up the lease.
func (s *Subscription) endLeaseless() bool {
	if s.life.isClosing.Load() {
		return false
	}
	s.life.outdone.Store(true)
	s.fail(fmt.Errorf("subscription %q: %w", s.key, context.Cause(s.lease.Context())))
	return true
}

// release changes nothing if another instance has the lease. A renewal that arrives
// after the release would bring the lease back. So if a renewal is under way, release
// first waits for it.
func (s *Subscription) release(ctx context.Context) error {
	if s.lease == nil {
		return nil
	}
	if err := s.lease.Remove(ctx); err != nil {
		return fmt.Errorf("subscription %q: the lease is not released, because a renewal is under way: %w", s.key, err)
	}
	if s.hands.busy() {
		return fmt.Errorf("subscription %q: the lease is not released, because %w: the lease ends after %v",
			s.key, ErrAtWork, s.opts.Lease.TTL)
	}
	if s.life.abandoned.Load() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, releasePatience)
	defer cancel()
	return s.store.Release(ctx, s.lease.Lease())
}
