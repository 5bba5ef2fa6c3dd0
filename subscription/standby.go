package subscription

import (
	"context"
	"errors"
	"time"

	"github.com/checkpointstore/checkpoint"
)

// A standby asks for the lease pollsInTTL times in a TTL, and waits leastPoll at least
// before it asks again.
const (
	pollsInTTL = 50
	leastPoll  = 50 * time.Millisecond
)

// standbyPause returns how long a standby waits after err, which says why it has no
// lease. It ends the pause early when the other owner's lease ends, by this machine's
// clock.
func standbyPause(ttl time.Duration, err error) time.Duration {
	poll := max(ttl/pollsInTTL, leastPoll)
	var held *checkpoint.LeaseHeldError
	if !errors.As(err, &held) {
		return poll
	}
	if left := time.Until(held.ExpiresAt); left.Abs() < poll {
		return max(left, leastPoll)
	}
	return poll
}

// A doorbell wakes a standby if the lease ends before its time. It may fail to ring, and
// may ring although no lease has ended, so a standby asks at intervals, too.
type doorbell struct {
	store *checkpoint.Store
	key   string
	rings <-chan struct{} // nil: the standby is not woken
	none  bool            // the engine cannot wake anybody
}

// wait returns after d, when the bell rings, or when ctx ends. It takes leastPoll at
// least, so that a bell that rings for ever does no harm.
func (b *doorbell) wait(ctx context.Context, d time.Duration) {
	if b.rings == nil && !b.none {
		var err error
		b.rings, err = b.store.LeaseEnds(ctx, b.key)
		b.none = errors.Is(err, checkpoint.ErrUnsupported)
	}
	began := time.Now()
	timer := time.NewTimer(d)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
			return
		case _, ok := <-b.rings:
			if ok {
				pause(ctx, min(leastPoll, d)-time.Since(began))
				return
			}
			b.rings = nil // listen again at the next turn
		}
	}
}
