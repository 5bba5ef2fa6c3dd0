package driver

import (
	"context"
	"fmt"
	"time"
)

// A Lease is the right of one owner to advance a key for a while.
type Lease struct {
	Key   string
	Owner string // names who holds it
	// TTL is how long the lease lasts from the moment at which it is granted or
	// renewed, in whole milliseconds.
	TTL time.Duration
	// Epoch is the key's fence since the lease was granted: its owner writes with
	// it. Each lease on a key has a higher one than those before; none has zero.
	Epoch uint64
	// ExpiresAt is when the lease ends unless it is renewed, by the engine's
	// clock: UTC, whole milliseconds.
	ExpiresAt time.Time
}

// A Leaser is a Driver that grants leases, and so decides which of several
// instances of a consumer is at work. Time is the engine's own: the clocks of
// its clients need not agree. A lease lasts for its whole TTL; the engine rounds
// its end up, never down. So a holder that starts counting before it asks never
// believes in its lease longer than the engine does.
//
// If the engine's clock is set back, a lease could last for as long as the clock
// jumped. So nobody waits longer than TTL: once another owner has asked, the
// lease ends at the latest its TTL after that.
//
// A lease and the key's fence belong together: the lease is valid as long as
// the fence is the lease's Epoch. A Rewind, a write with a higher epoch, and
// RaiseFence end it. Like the fence it outlives the checkpoint, which it does
// not need.
//
// Each method takes many leases in few round trips. The results stand in the
// order of the leases, one for each. Each lease is decided in one atomic step,
// the batch as a whole is not; no key stands in a batch twice. An error returned
// beside the results concerns all of them, and then the results are nil. After
// an error that is not about what is stored ([ErrLeaseHeld], [ErrFenced],
// [ErrEpochExhausted], [ErrCorrupt]) the change may have been made: the same
// owner can acquire again, others wait until the lease ends.
type Leaser interface {
	// Acquire grants the lease on Key to Owner for TTL; the other fields have no
	// meaning. If another owner holds a valid lease that has not ended, the error
	// is a [*LeaseHeldError]. An owner that holds the lease already gets a new
	// one, so that an instance that came back after a crash locks out its former
	// self. In the same step the fence is raised by one and becomes the Epoch of
	// the lease. If the fence cannot be raised the error is [ErrEpochExhausted].
	Acquire(ctx context.Context, leases []Lease) ([]LeaseResult, error)

	// Renew lets each lease end TTL from now, and returns it as it is then. A
	// lease that has ended can be renewed if it is still valid and no other owner
	// has one with its epoch: nobody has taken over. Otherwise the error is
	// [ErrFenced] and nothing changes.
	Renew(ctx context.Context, leases []Lease) ([]LeaseResult, error)

	// Release ends each lease that is still the one that is stored, so that
	// another owner gets one at once. Otherwise nothing changes, and that is no
	// error. The fence stays: its owner can still write until another gets one.
	Release(ctx context.Context, leases []Lease) ([]LeaseResult, error)
}

// A LeaseResult is what became of one lease.
type LeaseResult struct {
	Lease Lease // as it is now, if Err is nil
	Err   error
}

// One returns the lease and the error of a batch of one:
//
//	lease, err := driver.One(d.Acquire(ctx, []driver.Lease{{Key: key, Owner: owner, TTL: ttl}}))
func One(results []LeaseResult, err error) (Lease, error) {
	switch {
	case err != nil:
		return Lease{}, err
	case len(results) != 1:
		return Lease{}, wrongCount("lease", 1, "results", len(results))
	case results[0].Err != nil:
		return Lease{}, results[0].Err
	}
	return results[0].Lease, nil
}

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

// Acquire calls d's own Acquire. The error is [ErrNoLeases] if d is no [Leaser].
func Acquire(ctx context.Context, d Driver, leases []Lease) ([]LeaseResult, error) {
	return leasesOf(d, leases, func(l Leaser) ([]LeaseResult, error) { return l.Acquire(ctx, leases) })
}

// Renew calls d's own Renew. The error is [ErrNoLeases] if d is no [Leaser].
func Renew(ctx context.Context, d Driver, leases []Lease) ([]LeaseResult, error) {
	return leasesOf(d, leases, func(l Leaser) ([]LeaseResult, error) { return l.Renew(ctx, leases) })
}

// Release calls d's own Release. The error is [ErrNoLeases] if d is no [Leaser].
func Release(ctx context.Context, d Driver, leases []Lease) ([]LeaseResult, error) {
	return leasesOf(d, leases, func(l Leaser) ([]LeaseResult, error) { return l.Release(ctx, leases) })
}

func leasesOf(d Driver, leases []Lease, call func(Leaser) ([]LeaseResult, error)) ([]LeaseResult, error) {
	l, ok := d.(Leaser)
	if !ok {
		return nil, fmt.Errorf("%w: %s", ErrNoLeases, describe(d))
	}
	results, err := call(l)
	if err == nil && len(results) != len(leases) {
		return nil, wrongCount("leases", len(leases), "results", len(results))
	}
	return results, err
}
