package sqlitestore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
)

// Acquire implements [driver.Leaser]. Its clock is the machine's, which all
// processes that share the file see. After an error that is neither
// [driver.ErrLeaseHeld] nor about what is stored, such as the end of ctx while
// the transaction is committed, the lease may have been granted all the same:
// the same owner can acquire it again, others wait until it expires.
func (d *Driver) Acquire(ctx context.Context, key, owner string, ttl time.Duration) (driver.Lease, error) {
	return d.lease(ctx, func(t *transaction) (driver.Lease, error, error) {
		return t.acquire(key, owner, ttl)
	})
}

// Renew implements [driver.Leaser]. After an error that is neither
// [driver.ErrFenced] nor about what is stored, such as the end of ctx while the
// transaction is committed, the lease may have been renewed all the same.
func (d *Driver) Renew(ctx context.Context, lease driver.Lease, ttl time.Duration) (driver.Lease, error) {
	return d.lease(ctx, func(t *transaction) (driver.Lease, error, error) {
		return t.renew(lease, ttl)
	})
}

// Release implements [driver.Leaser]. After an error, such as the end of ctx
// while the transaction is committed, the lease may have ended all the same.
func (d *Driver) Release(ctx context.Context, lease driver.Lease) error {
	_, err := d.lease(ctx, func(t *transaction) (driver.Lease, error, error) {
		return driver.Lease{}, nil, t.release(lease)
	})
	return err
}

// lease runs f in a transaction. The first error of f is its answer, and leaves
// alone what others do in the same transaction, which the second one ends.
func (d *Driver) lease(ctx context.Context, f func(*transaction) (_ driver.Lease, refused, err error)) (driver.Lease, error) {
	if err := d.ready(ctx); err != nil {
		return driver.Lease{}, err
	}
	var lease driver.Lease
	var refused error
	e := d.writer.do(ctx, 1, func(t *transaction) (err error) {
		lease, refused, err = f(t)
		return err
	})
	if e.err != nil {
		// f may still be running.
		return driver.Lease{}, d.failure(ctx, e.err)
	}
	return lease, refused
}

func (t *transaction) acquire(key, owner string, ttl time.Duration) (_ driver.Lease, refused, err error) {
	fence, damaged, err := t.fence(key)
	if damaged == nil && err == nil {
		damaged, err = t.lost(key, fence)
	}
	if damaged != nil || err != nil {
		return driver.Lease{}, damaged, err
	}
	stored, there, err := t.stored(key)
	if err != nil {
		return driver.Lease{}, nil, err
	}
	if there {
		if refused := stored.refuse(key, owner, fence, t.now); refused != nil {
			return driver.Lease{}, refused, nil
		}
	}
	if fence == math.MaxUint64 {
		return driver.Lease{}, driver.ErrEpochExhausted, nil
	}
	if err := t.raise(key, fence, fence+1); err != nil {
		return driver.Lease{}, nil, err
	}
	lease, err := t.grant(driver.Lease{Key: key, Owner: owner, Epoch: fence + 1}, ttl)
	return lease, nil, err
}

func (t *transaction) renew(lease driver.Lease, ttl time.Duration) (_ driver.Lease, refused, err error) {
	fence, damaged, err := t.fence(lease.Key)
	if damaged != nil || err != nil {
		return driver.Lease{}, damaged, err
	}
	if lease.Epoch != fence {
		return driver.Lease{}, fmt.Errorf("%w: the lease has epoch %d, the key has seen %d",
			driver.ErrFenced, lease.Epoch, fence), nil
	}
	stored, there, err := t.stored(lease.Key)
	if err != nil {
		return driver.Lease{}, nil, err
	}
	if there && stored.owner != lease.Owner && stored.epoch == encodeNumber(lease.Epoch) {
		return driver.Lease{}, fmt.Errorf("%w: %q has a lease with epoch %d, too",
			driver.ErrFenced, stored.owner, lease.Epoch), nil
	}
	lease, err = t.grant(lease, ttl)
	return lease, nil, err
}

// stored is the lease of key, and whether there is one.
func (t *transaction) stored(key string) (l leaseRow, there bool, err error) {
	err = t.scan([]any{&l.owner, &l.epoch, &l.expiresAt}, sqlLease, key)
	if errors.Is(err, sql.ErrNoRows) {
		return leaseRow{}, false, nil
	}
	return l, err == nil, err
}

// grant stores lease, which ends ttl from now. That is rounded up: t.now has
// lost its part of a millisecond.
func (t *transaction) grant(lease driver.Lease, ttl time.Duration) (driver.Lease, error) {
	lease.ExpiresAt = t.now.Add(ttl + time.Millisecond)
	err := t.exec(sqlGrant, lease.Key, lease.Owner, encodeNumber(lease.Epoch), encodeTime(lease.ExpiresAt))
	if err != nil {
		return driver.Lease{}, err
	}
	return lease, nil
}

func (t *transaction) release(lease driver.Lease) error {
	return t.exec(sqlRelease, lease.Key, lease.Owner, encodeNumber(lease.Epoch))
}

// A leaseRow is one row of the table leases as it is stored.
type leaseRow struct{ owner, epoch, expiresAt string }

// refuse says why owner gets no lease at now while l is stored. What is wrong
// with the owner's own lease does not matter: it is replaced.
func (l *leaseRow) refuse(key, owner string, fence uint64, now time.Time) error {
	epoch, ok := decodeNumber(l.epoch)
	if ok && epoch > fence {
		// The next epoch would be one that has been in use.
		return fmt.Errorf("%w: the lease of key %q has epoch %d, but its fence is %d; "+
			"set the fence to the highest epoch that was in use", checkpoint.ErrCorrupt, key, epoch, fence)
	}
	if l.owner == owner {
		return nil
	}
	if !ok {
		return l.damaged(key, "epoch", l.epoch)
	}
	if epoch < fence {
		return nil // void
	}
	expiresAt, ok := decodeTime(l.expiresAt)
	if !ok {
		return l.damaged(key, "expires_at", l.expiresAt)
	}
	if now.Before(expiresAt) {
		return &driver.LeaseHeldError{Owner: l.owner, ExpiresAt: expiresAt}
	}
	return nil
}

func (l *leaseRow) damaged(key, column, value string) error {
	return fmt.Errorf("%w: column %s of the lease of key %q is %.80q, and whether %q still holds it is not known; "+
		"let it renew the lease, or stop it and delete the row from the table leases",
		checkpoint.ErrCorrupt, column, key, value, l.owner)
}
