package storetest_test

import (
	"cmp"
	"context"
	"errors"
	"math"
	"slices"
	"time"

	"github.com/checkpointstore/checkpoint/cell"
	"github.com/checkpointstore/checkpoint/driver"
)

// Who is at work.
var leaseFaults = []fault{
	{
		"grants a lease without raising the fence",
		[]string{"lease/grants", "lease/next-owner", "lease/release", "lease/same-owner"},
		leased(acquire, func(_ cell.Cell, _ driver.Lease, _ *cell.Cell, r *driver.LeaseResult) { r.Lease.Epoch = 1 }),
	},
	{
		"grants a lease to everybody",
		[]string{"lease/one-owner", "lease/apart", "lease/race", "lease-batch/each-for-itself"},
		leasing(acquire, func(c *cell.Cell, _ *driver.Lease) { c.Lease = driver.StoredLease{} }),
	},
	{
		"does not say who holds the lease",
		[]string{"lease/one-owner"},
		leased(acquire, func(_ cell.Cell, _ driver.Lease, _ *cell.Cell, r *driver.LeaseResult) {
			if errors.Is(r.Err, driver.ErrLeaseHeld) {
				r.Err = driver.ErrLeaseHeld
			}
		}),
	},
	{
		"lets a lease last for ever",
		[]string{"lease/next-owner", "lease/expires-by-itself"},
		leased(acquire, func(_ cell.Cell, _ driver.Lease, c *cell.Cell, r *driver.LeaseResult) {
			if r.Err == nil {
				c.Lease.ExpiresAt = c.Lease.ExpiresAt.Add(1000 * time.Hour)
			}
		}),
	},
	{
		"leaves out the part of a millisecond in which a lease was asked for",
		[]string{"lease/whole"},
		leased(acquire, func(_ cell.Cell, l driver.Lease, c *cell.Cell, r *driver.LeaseResult) {
			if r.Err == nil {
				c.Lease.ExpiresAt = time.Now().UTC().Truncate(time.Millisecond).Add(l.TTL)
			}
		}),
	},
	{
		"renews a lease that was taken over",
		[]string{"lease/next-owner", "lease/same-owner", "lease/ends-with-its-epoch", "lease/never-granted", "raise/ends-the-lease"},
		leased(renew, func(_ cell.Cell, l driver.Lease, _ *cell.Cell, r *driver.LeaseResult) {
			if errors.Is(r.Err, driver.ErrFenced) {
				*r = driver.LeaseResult{Lease: l}
			}
		}),
	},
	{
		"renews the epoch zero",
		[]string{"lease/never-granted"},
		leased(renew, func(before cell.Cell, l driver.Lease, c *cell.Cell, r *driver.LeaseResult) {
			if l.Epoch == 0 && before.Fence.Epoch == 0 {
				l.ExpiresAt = time.Now().UTC().Add(l.TTL)
				c.Lease, *r = driver.StoredLease{Lease: l}, driver.LeaseResult{Lease: l}
			}
		}),
	},
	{
		"renews the lease of another",
		[]string{"lease/one-owner-an-epoch", "lease-batch/each-for-itself"},
		leasing(renew, func(c *cell.Cell, l *driver.Lease) { c.Lease.Owner = l.Owner }),
	},
	{
		"renews in words only",
		[]string{"lease/renew", "lease/renew-after-expiry", "damaged-lease/renewed", "inspect/lease"},
		leased(renew, func(before cell.Cell, _ driver.Lease, c *cell.Cell, _ *driver.LeaseResult) { *c = before }),
	},
	{
		"does not renew a lease that has expired",
		[]string{"lease/renew-after-expiry"},
		leasing(renew, func(c *cell.Cell, l *driver.Lease) {
			if !time.Now().Before(c.Lease.ExpiresAt) {
				l.Epoch = 0
			}
		}),
	},
	{
		"releases whatever lease there is",
		[]string{"lease/next-owner", "lease-batch/each-for-itself"},
		leasing(release, func(c *cell.Cell, l *driver.Lease) { c.Lease.Owner, c.Lease.Epoch = l.Owner, l.Epoch }),
	},
	{
		"keeps a released lease until it expires",
		[]string{"lease/release", "lease/apart", "lease/race", "lease-batch/thousands"},
		leased(release, func(before cell.Cell, _ driver.Lease, c *cell.Cell, _ *driver.LeaseResult) { *c = before }),
	},
	{
		"locks out with Release",
		[]string{"lease/release"},
		leased(release, func(before cell.Cell, _ driver.Lease, c *cell.Cell, _ *driver.LeaseResult) {
			if before.Lease.Exists() && !c.Lease.Exists() {
				c.Fence.Epoch++
			}
		}),
	},
	{
		"makes a checkpoint of a lease",
		[]string{"lease/without-a-checkpoint"},
		leased(acquire, func(_ cell.Cell, _ driver.Lease, c *cell.Cell, r *driver.LeaseResult) {
			c.Checkpoint.Exists = c.Checkpoint.Exists || r.Err == nil
		}),
	},
	{
		"ends a lease with Delete",
		[]string{"lease/without-a-checkpoint", "inspect/lease"},
		removing(func(c *cell.Cell) { c.Lease = driver.StoredLease{} }),
	},
	{
		"holds a lease whose epoch is over",
		[]string{"lease/ends-with-its-epoch"},
		leasing(acquire, func(c *cell.Cell, _ *driver.Lease) {
			if c.Lease.Exists() {
				c.Lease.Epoch = c.Fence.Epoch
			}
		}),
	},
	{
		"starts anew after the highest epoch",
		[]string{"lease/64-bits", "lease-batch/each-for-itself"},
		leasing(acquire, func(c *cell.Cell, _ *driver.Lease) {
			if c.Fence.Epoch == math.MaxUint64 {
				c.Fence.Epoch, c.Checkpoint.Epoch, c.Lease = 0, 0, driver.StoredLease{}
			}
		}),
	},
	{
		"keeps epochs of leases as float64",
		[]string{"lease/64-bits"},
		leased(acquire, func(_ cell.Cell, _ driver.Lease, _ *cell.Cell, r *driver.LeaseResult) {
			if r.Lease.Epoch == math.MaxUint64 {
				r.Lease.Epoch--
			}
		}),
	},
	{
		"says that a lease is held when the engine is away",
		[]string{"lease/outage"},
		func(f *faulty) {
			f.lends(func(_ context.Context, results []driver.LeaseResult, err error) ([]driver.LeaseResult, error) {
				if isOutage(err) {
					err = driver.ErrLeaseHeld
				}
				return results, err
			})
		},
	},
	{
		"takes no notice of the context of a lease",
		[]string{"lease/context"},
		func(f *faulty) {
			before := f.leases
			f.leases = func(ctx context.Context, leases []driver.Lease, rule leaseRule) ([]driver.LeaseResult, error) {
				return before(context.WithoutCancel(ctx), leases, rule)
			}
		},
	},
}

// lends changes what a call of a Leaser answers.
func (f *faulty) lends(change func(context.Context, []driver.LeaseResult, error) ([]driver.LeaseResult, error)) {
	before := f.leases
	f.leases = func(ctx context.Context, leases []driver.Lease, rule leaseRule) ([]driver.LeaseResult, error) {
		results, err := before(ctx, leases, rule)
		return change(ctx, results, err)
	}
}

var leaseBatchFaults = []fault{
	{
		"fails a batch of leases for one that is refused",
		[]string{"lease-batch/each-for-itself", "lease-batch/damage"},
		func(f *faulty) {
			f.lends(func(_ context.Context, results []driver.LeaseResult, err error) ([]driver.LeaseResult, error) {
				if i := slices.IndexFunc(results, func(r driver.LeaseResult) bool { return r.Err != nil }); i >= 0 {
					return nil, results[i].Err
				}
				return results, err
			})
		},
	},
	{
		"orders a batch of leases by key",
		[]string{"lease-batch/each-for-itself", "lease-batch/slices"},
		func(f *faulty) {
			before := f.leases
			f.leases = func(ctx context.Context, leases []driver.Lease, rule leaseRule) ([]driver.LeaseResult, error) {
				slices.SortFunc(leases, func(a, b driver.Lease) int { return cmp.Compare(a.Key, b.Key) })
				return before(ctx, leases, rule)
			}
		},
	},
	{
		"takes a thousand leases at once",
		[]string{"lease-batch/thousands"},
		func(f *faulty) {
			before := f.leases
			f.leases = func(ctx context.Context, leases []driver.Lease, rule leaseRule) ([]driver.LeaseResult, error) {
				return before(ctx, leases[:min(1000, len(leases))], rule)
			}
		},
	},
	{
		"fails without leases",
		[]string{"lease-batch/none"},
		func(f *faulty) {
			f.lends(func(_ context.Context, results []driver.LeaseResult, err error) ([]driver.LeaseResult, error) {
				if err == nil && len(results) == 0 {
					err = errBroken
				}
				return results, err
			})
		},
	},
	{
		"uses the slice of lease results again",
		[]string{"lease-batch/slices"},
		func(f *faulty) {
			buffer := make([]driver.LeaseResult, 3000)
			f.lends(func(_ context.Context, results []driver.LeaseResult, err error) ([]driver.LeaseResult, error) {
				return buffer[:copy(buffer, results)], err
			})
		},
	},
}
