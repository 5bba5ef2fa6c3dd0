package driver

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// A Lease is the right of one owner to advance a key for a while.
type Lease struct {
	Key   string
	Owner string // names who holds it
	// Epoch is the key's fence since the lease was granted: its owner writes
	// with it. Each lease on a key has a higher one than those before.
	Epoch uint64
	// ExpiresAt is when the lease ends unless it is renewed, by the engine's
	// clock: UTC, whole milliseconds.
	ExpiresAt time.Time
}

// A Leaser is a Driver that grants leases, and so decides which of several
// instances of a consumer is at work. Time is the engine's own: the clocks of
// its clients need not agree. A lease lasts for its whole ttl, and ends with the
// millisecond in which that does: who counts from before it asked must not
// believe longer than the engine.
//
// A lease and the key's fence belong together: the lease is valid as long as
// the fence is the lease's Epoch. A Rewind, or a write with a higher epoch,
// ends it. Like the fence it outlives the checkpoint, which it does not need.
type Leaser interface {
	// Acquire grants the lease on key to owner for ttl, unless another owner
	// holds one that has not expired and is valid: then the error is a
	// [*LeaseHeldError] and nothing changes. An owner that holds it already
	// gets a new one, so that an instance that came back after a crash locks out
	// what is left of its former self. In the same atomic step the fence is
	// raised by one, and becomes the Epoch of the lease; where it cannot be
	// raised the error is [ErrEpochExhausted].
	Acquire(ctx context.Context, key, owner string, ttl time.Duration) (Lease, error)

	// Renew lets the lease end ttl from now, and returns it as it is then. It
	// may have expired meanwhile, as long as it is valid and no other owner has
	// one with its epoch, as after a failover that has lost a grant: nobody has
	// taken over. Otherwise the error wraps [ErrFenced] and nothing changes.
	Renew(ctx context.Context, lease Lease, ttl time.Duration) (Lease, error)

	// Release ends the lease, if it is still the one that is stored, so that
	// another owner gets one at once. Otherwise nothing changes, and that is no
	// error. The fence stays: who held the lease can still write until another
	// gets one.
	Release(ctx context.Context, lease Lease) error
}

// Errors of a [Leaser]. Package checkpoint exports them under the same names.
var (
	ErrFenced    = errors.New("fenced: a newer epoch has been seen")
	ErrLeaseHeld = errors.New("lease is held by another owner")
	ErrNoLeases  = errors.New("the engine has no leases")
)

// A LeaseHeldError is an [ErrLeaseHeld] that says by whom and until when.
type LeaseHeldError struct {
	Owner     string
	ExpiresAt time.Time // by the engine's clock
}

func (e *LeaseHeldError) Error() string {
	return fmt.Sprintf("%v: %q holds it until %s", ErrLeaseHeld, e.Owner, e.ExpiresAt.UTC().Format(time.RFC3339Nano))
}

// Is makes errors.Is(err, ErrLeaseHeld) true.
func (e *LeaseHeldError) Is(target error) bool { return target == ErrLeaseHeld }

// Leases returns d as a [Leaser], or [ErrNoLeases] where it is none.
func Leases(d Driver) (Leaser, error) {
	l, ok := d.(Leaser)
	if !ok {
		name := Name(d)
		if name == "" {
			name = fmt.Sprintf("%T", d)
		}
		return nil, fmt.Errorf("%w: %s", ErrNoLeases, name)
	}
	return l, nil
}
