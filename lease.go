package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
)

// A Lease is the right of one owner to advance a key for a while. Its owner
// writes with [Epoch](lease.Epoch).
type Lease = driver.Lease

// A LeaseHeldError is an [ErrLeaseHeld] that says by whom and until when.
type LeaseHeldError = driver.LeaseHeldError

// Acquire grants the lease on key to owner, for ttl by the engine's clock. Where
// another owner holds it the error is [ErrLeaseHeld], and a [*LeaseHeldError].
// An owner that holds it already gets a new one: give each instance a name of
// its own, and one that stays the same when it comes back if it should take over
// from its former self at once. In the same atomic step the highest epoch that
// the key has seen is raised by one, and becomes the lease's, so that no former
// owner can write any more. The lease ends early where the key is rewound, or
// written with a higher epoch. It needs no checkpoint, and outlives one.
//
// The owner is 1 to 512 bytes of valid UTF-8 without control characters; ttl is
// at least a millisecond, and a part of one counts as a whole. Where the engine
// has no leases the error is [ErrNoLeases].
func (s *Store) Acquire(ctx context.Context, key, owner string, ttl time.Duration) (Lease, error) {
	return s.lease(ctx, opAcquire, key, ttl, func(ctx context.Context, l driver.Leaser, ttl time.Duration) (Lease, error) {
		if err := checkText("owner", owner); err != nil {
			return Lease{}, err
		}
		return l.Acquire(ctx, key, owner, ttl)
	})
}

// Renew lets a lease end ttl from now, by the engine's clock. It may have
// expired, as long as nobody took over; otherwise the error is [ErrFenced].
func (s *Store) Renew(ctx context.Context, lease Lease, ttl time.Duration) (Lease, error) {
	return s.lease(ctx, opRenew, lease.Key, ttl, func(ctx context.Context, l driver.Leaser, ttl time.Duration) (Lease, error) {
		if lease.Epoch == 0 {
			return Lease{}, fmt.Errorf("%w: the lease has no epoch, so that nobody has granted it", ErrFenced)
		}
		return l.Renew(ctx, lease, ttl)
	})
}

// Release ends a lease, so that another owner gets one at once. Where it has
// been taken over, or has ended, nothing changes, and that is no error. Until
// another owner has one, its former owner can still write.
func (s *Store) Release(ctx context.Context, lease Lease) error {
	_, err := s.lease(ctx, opRelease, lease.Key, time.Millisecond, func(ctx context.Context, l driver.Leaser, _ time.Duration) (Lease, error) {
		return Lease{}, l.Release(ctx, lease)
	})
	return err
}

func (s *Store) lease(
	ctx context.Context, op, key string, ttl time.Duration,
	do func(context.Context, driver.Leaser, time.Duration) (Lease, error),
) (Lease, error) {
	c := call{Call: Call{Op: op, Key: key, Size: 1}}
	ctx = s.begin(ctx, &c)
	lease, err := s.leaseOne(ctx, key, ttl, do)
	err = c.wrap(err)
	count := 0
	if err == nil {
		count = 1
	}
	s.end(&c, CallResult{Count: count, Err: err})
	return lease, err
}

func (s *Store) leaseOne(
	ctx context.Context, key string, ttl time.Duration,
	do func(context.Context, driver.Leaser, time.Duration) (Lease, error),
) (Lease, error) {
	if err := ValidateKey(key); err != nil {
		return Lease{}, err
	}
	ttl, err := wholeMilliseconds(ttl)
	if err != nil {
		return Lease{}, err
	}
	if ttl == 0 {
		return Lease{}, errors.New("TTL of a lease is 0, it must be at least a millisecond")
	}
	leaser, err := driver.Leases(s.driver)
	if err != nil {
		return Lease{}, err
	}
	if err := s.ready(ctx); err != nil {
		return Lease{}, err
	}
	return do(ctx, leaser, ttl)
}
