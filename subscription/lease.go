package subscription

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/checkpointstore/checkpoint"
)

// standbyPoll is how often a standby asks for the lease.
const standbyPoll = 50 * time.Millisecond

// releasePatience is for how long a release is tried, which only makes a standby
// wait less.
const releasePatience = 2 * time.Second

// acquire gets the lease, and returns the time from which it lasts at least. A
// standby that waits for it outlives an outage of the store.
func (s *Subscription) acquire(ctx context.Context) (time.Time, error) {
	waiting := false
	var answered time.Time // when the store last said that the lease is held
	for {
		asked := time.Now()
		lease, err := s.store.Acquire(ctx, s.key, s.opts.Lease.Owner, s.opts.Lease.TTL)
		if err == nil {
			s.lease = lease
			return asked, nil
		}
		switch held := errors.Is(err, checkpoint.ErrLeaseHeld); {
		case held && s.opts.Lease.Wait:
			answered = time.Now()
			if !waiting {
				waiting = true
				s.log.Info("waiting for the lease", "component", component, "error", err.Error())
			}
		case !waiting || isFinal(err) || ctx.Err() != nil || time.Since(answered) >= s.opts.FlushPatience:
			return time.Time{}, err
		default:
			s.log.Warn("the lease could not be asked for, and is tried again", "component", component, "error", err.Error())
		}
		timer := time.NewTimer(standbyPoll)
		select {
		case <-timer.C:
		case <-ctx.Done(): // as the store will say
			timer.Stop()
		}
	}
}

// renewals keeps the lease, which lasts from granted, until the subscription
// ends or is closed. By this machine's clock the lease ends no later than by
// the engine's, since it is counted from before it was asked for.
func (s *Subscription) renewals(granted time.Time) {
	ttl := s.opts.Lease.TTL
	var failure atomic.Pointer[error] // the first since the lease was renewed
	// Also while the loop below hangs in a store, an observer or a log.
	end := time.AfterFunc(time.Until(granted.Add(ttl)), func() {
		if !s.isClosing.Load() { // else Close releases it
			s.lateLease(failure.Load())
		}
	})
	defer end.Stop()
	for pause := time.Until(granted.Add(ttl / 3)); ; {
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-s.closing:
			timer.Stop()
			return
		case <-s.ctx.Done():
			timer.Stop()
			return
		}
		asked := time.Now()
		ctx, cancel := context.WithDeadline(s.flushing, granted.Add(ttl))
		_, err := s.store.Renew(ctx, s.lease, ttl)
		cancel()
		switch {
		case err == nil:
			granted = asked
			end.Reset(time.Until(granted.Add(ttl)))
			failure.Store(nil)
			pause = time.Until(granted.Add(ttl / 3))
			continue
		case errors.Is(err, checkpoint.ErrFenced):
			s.loseLease(err)
			return
		case s.isClosing.Load():
			return // it releases the lease
		}
		failure.CompareAndSwap(nil, &err)
		if time.Since(granted) >= ttl {
			s.lateLease(failure.Load())
			return
		}
		s.log.Warn("the lease could not be renewed, and is tried again", "component", component, "error", err.Error())
		pause = min(ttl/10, time.Until(granted.Add(ttl)))
	}
}

// lateLease ends the subscription whose lease was not renewed in time.
func (s *Subscription) lateLease(failure *error) {
	if failure == nil {
		s.loseLease(fmt.Errorf("no renewal was answered for %v", s.opts.Lease.TTL))
		return
	}
	s.loseLease(fmt.Errorf("it could not be renewed for %v: %w", s.opts.Lease.TTL, *failure))
}

func (s *Subscription) loseLease(why error) {
	s.outdone.Store(true)
	s.fail(fmt.Errorf("subscription %q: %w: %w", s.key, ErrLeaseLost, why))
}

// release changes nothing where another instance has the lease.
func (s *Subscription) release(ctx context.Context) error {
	if s.opts.Lease == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, releasePatience)
	defer cancel()
	return s.store.Release(ctx, s.lease)
}
