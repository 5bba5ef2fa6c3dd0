package subscription

import (
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
// lease. It also asks when the other owner's lease ends: if clocks agree, that is
// sooner than its next turn.
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
