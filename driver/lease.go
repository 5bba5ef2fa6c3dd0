package driver

import (
	"context"
	"fmt"
	"time"
)

// A Lease is the right of one owner to advance a key until a time.
type Lease struct {
	Key   string
	Owner string // names who holds it
	// TTL is how long the lease lasts after the engine has granted or renewed it, in
	// whole milliseconds. It is the TTL that was asked for, except if the engine counts
	// in longer units (see [TTLUnit]).
	TTL time.Duration
	// Epoch is the fence that the key got with the lease. The lease's owner writes with
	// this epoch. It is above zero, and above the epochs of all earlier leases on the
	// key.
	Epoch uint64
	// ExpiresAt is when the lease ends unless it is renewed, by the engine's
	// clock: UTC, whole milliseconds.
	ExpiresAt time.Time
}

// A Leaser is a Driver that grants leases, and so decides which of several instances of
// a consumer is at work. It counts time by the engine's clock, so the clocks of its
// clients need not agree. A lease lasts for its whole TTL; the engine rounds its end up,
// never down. A holder starts to count before it asks for the lease. So it never
// believes in its lease longer than the engine does.
//
// If somebody sets the engine's clock back, a lease could last longer, by as much as the
// clock jumped. So the wait of another owner has a limit: once it has asked, the lease
// ends after its TTL at the latest.
//
// If an engine offers no clock within the step that compares and swaps, the engine itself
// removes what has ended. Then existence decides: a checkpoint that exists has not
// expired, and a lease is held as long as the data exists that the engine removes at the
// end of the lease. ExpiresAt and RaisedAt are then estimates by the clock of the client
// that wrote them. They decide nothing, with one exception: ReleaseFences compares them
// with the clock of the client that calls it. So idle must be longer than those clocks
// are apart.
//
// A lease is valid as long as the key's fence equals the lease's Epoch. So a Rewind, a
// write with a higher epoch, and RaiseFence end the lease. A lease needs no checkpoint.
// Like the fence, it stays if the checkpoint goes.
//
// Each method takes many leases in few round trips. It returns one result for each
// lease, in the order of the leases. It decides each lease in one atomic step. The batch
// as a whole is not atomic. No key stands in a batch twice. If a method itself returns
// an error, the error concerns all leases, and the results are nil.
//
// [ErrLeaseHeld], [ErrFenced], [ErrEpochExhausted] and [ErrCorrupt] say what the engine
// has stored. After any other error, the engine may have made the change. Then the same
// owner can acquire again, and other owners wait until the lease ends.
type Leaser interface {
	// Acquire grants the lease on Key to Owner for TTL. The other fields have no
	// meaning. If another owner holds a valid lease that has not ended, the error is a
	// [*LeaseHeldError]. If Owner itself holds the lease, it gets a new one: an
	// instance that comes back after a crash locks out its former self. In the same
	// step Acquire raises the fence by one. The new fence is the Epoch of the lease. If
	// the fence cannot be raised, the error is [ErrEpochExhausted].
	Acquire(ctx context.Context, leases []Lease) ([]LeaseResult, error)

	// Renew makes each lease end TTL from now, and returns the renewed lease. Even a
	// lease that has ended can be renewed, if it is still valid and no other owner has
	// a lease with its epoch: then nobody has taken over. Otherwise the error is
	// [ErrFenced] and nothing changes.
	Renew(ctx context.Context, leases []Lease) ([]LeaseResult, error)

	// Release ends each lease that is still stored, so that another owner can acquire
	// the key's lease at once. If another lease is stored, or none, Release changes
	// nothing, and this is no error. The fence stays: the former owner can still write
	// until another owner acquires the lease.
	Release(ctx context.Context, leases []Lease) ([]LeaseResult, error)
}

// A LeaseResult is the answer for one lease.
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

// A LeaseHeldError is an [ErrLeaseHeld] that says who holds the lease and until when.
type LeaseHeldError struct {
	Owner     string
	ExpiresAt time.Time // by the engine's clock
}

func (e *LeaseHeldError) Error() string {
	return fmt.Sprintf("%v: %q holds it until %s", ErrLeaseHeld, e.Owner, e.ExpiresAt.UTC().Format(time.RFC3339Nano))
}

// Is makes errors.Is(err, ErrLeaseHeld) true.
func (e *LeaseHeldError) Is(target error) bool { return target == ErrLeaseHeld }

// Acquire calls d's own Acquire. The error is [ErrNoLeases] if d is not a [Leaser].
func Acquire(ctx context.Context, d Driver, leases []Lease) ([]LeaseResult, error) {
	return leasesOf(d, leases, func(l Leaser) ([]LeaseResult, error) { return l.Acquire(ctx, leases) })
}

// Renew calls d's own Renew. The error is [ErrNoLeases] if d is not a [Leaser].
func Renew(ctx context.Context, d Driver, leases []Lease) ([]LeaseResult, error) {
	return leasesOf(d, leases, func(l Leaser) ([]LeaseResult, error) { return l.Renew(ctx, leases) })
}

// Release calls d's own Release. The error is [ErrNoLeases] if d is not a [Leaser].
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
