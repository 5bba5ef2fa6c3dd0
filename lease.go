package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
)

// A Lease is the right of one owner to advance a key until a time. Its owner
// writes with [Epoch](lease.Epoch).
type Lease = driver.Lease

// A LeaseResult is the answer for one lease of a batch.
type LeaseResult = driver.LeaseResult

// A LeaseHeldError is an [ErrLeaseHeld] that says who holds the lease and until when.
type LeaseHeldError = driver.LeaseHeldError

// Acquire grants the lease on key to owner, for ttl by the engine's clock. If another
// owner holds the lease, the error is [ErrLeaseHeld], and wraps a [*LeaseHeldError]. If
// owner itself holds the lease, it gets a new one: so give each instance a name of its
// own.
//
// In the same atomic step Acquire raises the highest epoch that the key has seen by
// one. The new epoch is the epoch of the lease. A former owner has a lower epoch, and its
// writes with [Epoch] fail. The lease ends early after a Rewind, Fence or Revoke, or a
// write with a higher epoch. A lease needs no checkpoint, and stays if the checkpoint
// goes.
//
// The owner is 1 to 512 bytes of valid UTF-8 without control characters. The ttl is
// above zero, and is rounded up to whole milliseconds, or to whole units of an engine
// that counts in longer ones. The TTL of the returned lease is what was granted. If the
// engine has no leases, the error is [ErrNoLeases].
func (s *Store) Acquire(ctx context.Context, key, owner string, ttl time.Duration) (Lease, error) {
	return s.lease(ctx, opAcquire, driver.Acquire, Lease{Key: key, Owner: owner, TTL: ttl})
}

// Renew makes a lease end ttl from now, by the engine's clock, and returns the renewed
// lease. Pass the lease as Acquire or Renew returned it. A lease can be renewed if its
// epoch is the highest that the key has seen, and no other owner has a lease with this
// epoch, even if the lease has ended or was released. Otherwise the error is [ErrFenced].
// The ttl has the range that [Store.Acquire] states.
func (s *Store) Renew(ctx context.Context, lease Lease, ttl time.Duration) (Lease, error) {
	lease.TTL = ttl
	return s.lease(ctx, opRenew, driver.Renew, lease)
}

// Release ends a lease, so that another owner can acquire the key's lease at once. If
// another lease is stored, or none, Release changes nothing and returns no error.
// Release fences nobody: the former owner can still write until another owner acquires
// the lease.
func (s *Store) Release(ctx context.Context, lease Lease) error {
	_, err := s.lease(ctx, opRelease, driver.Release, lease)
	return err
}

// AcquireMany does the work of Acquire for each of leases, in few round trips. It reads
// their Key, Owner and TTL, and ignores the other fields. It returns one result for each
// lease, in the order of the leases, with an error of its own. If AcquireMany itself
// returns an error, the error concerns all leases. If a key, owner or TTL is invalid, or
// a key stands in the batch twice, AcquireMany returns an error and sends nothing.
func (s *Store) AcquireMany(ctx context.Context, leases ...Lease) ([]LeaseResult, error) {
	return s.leases(ctx, opAcquireMany, driver.Acquire, leases)
}

// RenewMany does the work of Renew for each of leases, with the lease's own TTL. Its
// results and errors are like those of [Store.AcquireMany]. If the Epoch of a lease is
// zero, RenewMany returns [ErrFenced] and sends nothing.
func (s *Store) RenewMany(ctx context.Context, leases ...Lease) ([]LeaseResult, error) {
	return s.leases(ctx, opRenewMany, driver.Renew, leases)
}

// ReleaseMany does the work of Release for each of leases. Its results and errors are
// like those of [Store.AcquireMany].
func (s *Store) ReleaseMany(ctx context.Context, leases ...Lease) ([]LeaseResult, error) {
	return s.leases(ctx, opReleaseMany, driver.Release, leases)
}

// leasing is driver.Acquire, driver.Renew or driver.Release.
type leasing func(context.Context, driver.Driver, []Lease) ([]LeaseResult, error)

func (s *Store) lease(ctx context.Context, op string, do leasing, lease Lease) (Lease, error) {
	c := call{Call: Call{Op: op, Key: lease.Key, Size: 1}}
	ctx = s.begin(ctx, &c)
	lease, err := driver.One(s.decide(ctx, op, do, []Lease{lease}))
	err = c.wrap(err)
	s.end(&c, CallResult{Count: countIf(err == nil), Err: err})
	return lease, err
}

func (s *Store) leases(ctx context.Context, op string, do leasing, leases []Lease) ([]LeaseResult, error) {
	c := call{Call: Call{Op: op, Size: len(leases)}}
	ctx = s.begin(ctx, &c)
	results, err := s.decide(ctx, op, do, leases)
	err = c.wrap(err)
	result := CallResult{Err: err}
	for i := range results {
		switch r := &results[i]; {
		case r.Err == nil:
			result.Count++
		case errors.Is(r.Err, ErrLeaseHeld):
		case errors.Is(r.Err, ErrFenced):
			result.Refused++
			result.Fenced++
		default:
			result.Failed++
		}
		if e := &results[i].Err; *e != nil {
			*e = c.wrapFor(leases[i].Key, *e)
		}
	}
	s.end(&c, result)
	return results, err
}

// decide checks leases, and calls do if they are valid.
func (s *Store) decide(ctx context.Context, op string, do leasing, leases []Lease) ([]LeaseResult, error) {
	checked := make([]Lease, len(leases))
	seen := make(map[string]bool, len(leases))
	for i, l := range leases {
		err := checkLease(op, &l)
		if err == nil && seen[l.Key] {
			err = errors.New("the batch has this key twice")
		}
		if err != nil && len(leases) > 1 {
			err = fmt.Errorf("lease %d, key %q: %w", i, l.Key, err)
		}
		if err != nil {
			return nil, err
		}
		checked[i], seen[l.Key] = l, true
	}
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	if len(leases) == 0 {
		return nil, nil
	}
	return do(ctx, s.driver, checked)
}

// checkLease says what is wrong with l, and rounds its TTL up.
func checkLease(op string, l *Lease) (err error) {
	if err := ValidateKey(l.Key); err != nil {
		return err
	}
	if op == opRelease || op == opReleaseMany {
		return nil
	}
	if l.TTL, err = wholeMilliseconds(l.TTL); err != nil {
		return err
	}
	if l.TTL == 0 {
		return errors.New("TTL of a lease is 0, it must be at least a millisecond")
	}
	if op == opAcquire || op == opAcquireMany {
		if err := textFault(l.Owner); err != nil {
			return fmt.Errorf("owner: %w", err)
		}
		return nil
	}
	if l.Epoch == 0 {
		return fmt.Errorf("%w: the lease has no epoch, so no store has granted it", ErrFenced)
	}
	return nil
}
