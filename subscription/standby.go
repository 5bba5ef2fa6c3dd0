package subscription

import (
	"errors"
	"time"

	"github.com/checkpointstore/checkpoint"
)

// A standby asks for the lease so many times in a TTL, and no sooner than after
// leastPoll.
const (
	pollsInTTL = 50
	leastPoll  = 50 * time.Millisecond
)

// standbyPause is how long a standby waits after err, which is why it has no lease.
// It asks when the other's lease ends, too: sooner than in its turn if clocks agree.
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
