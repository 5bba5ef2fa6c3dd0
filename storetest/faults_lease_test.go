package storetest_test

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/memstore"
)

// leaseCalls are the functions of a Leaser, to be replaced by faults.
type leaseCalls struct {
	acquire func(ctx context.Context, key, owner string, ttl time.Duration) (driver.Lease, error)
	renew   func(ctx context.Context, lease driver.Lease, ttl time.Duration) (driver.Lease, error)
	release func(ctx context.Context, lease driver.Lease) error
}

func (f *faulty) Acquire(ctx context.Context, leases []driver.Lease) ([]driver.LeaseResult, error) {
	return f.each(leases, func(l driver.Lease) (driver.Lease, error) { return f.acquire(ctx, l.Key, l.Owner, l.TTL) })
}

func (f *faulty) Renew(ctx context.Context, leases []driver.Lease) ([]driver.LeaseResult, error) {
	return f.each(leases, func(l driver.Lease) (driver.Lease, error) { return f.renew(ctx, l, l.TTL) })
}

func (f *faulty) Release(ctx context.Context, leases []driver.Lease) ([]driver.LeaseResult, error) {
	return f.each(leases, func(l driver.Lease) (driver.Lease, error) { return l, f.release(ctx, l) })
}

func (f *faulty) each(leases []driver.Lease, do func(driver.Lease) (driver.Lease, error)) ([]driver.LeaseResult, error) {
	if f.closed.Load() {
		return nil, driver.ErrClosed
	}
	results := make([]driver.LeaseResult, len(leases))
	for i, l := range leases {
		results[i].Lease, results[i].Err = do(l)
	}
	return results, nil
}

// soundLeases are those of mem.
func soundLeases(mem *memstore.Driver) leaseCalls {
	return leaseCalls{
		acquire: func(ctx context.Context, key, owner string, ttl time.Duration) (driver.Lease, error) {
			return driver.One(mem.Acquire(ctx, []driver.Lease{{Key: key, Owner: owner, TTL: ttl}}))
		},
		renew: func(ctx context.Context, lease driver.Lease, ttl time.Duration) (driver.Lease, error) {
			lease.TTL = ttl
			return driver.One(mem.Renew(ctx, []driver.Lease{lease}))
		},
		release: func(ctx context.Context, lease driver.Lease) error {
			_, err := driver.One(mem.Release(ctx, []driver.Lease{lease}))
			return err
		},
	}
}

var leaseFaults = []fault{
	{
		"grants a lease without raising the fence",
		[]string{"lease/grants", "lease/next-owner", "lease/release", "lease/same-owner"},
		func(f *faulty) {
			before := f.acquire
			f.acquire = func(ctx context.Context, key, owner string, ttl time.Duration) (driver.Lease, error) {
				lease, err := before(ctx, key, owner, ttl)
				lease.Epoch = 1
				return lease, err
			}
		},
	},
	{
		"grants a lease to everybody",
		[]string{"lease/one-owner", "lease/apart", "lease/race"},
		func(f *faulty) {
			before := f.acquire
			f.acquire = func(ctx context.Context, key, owner string, ttl time.Duration) (driver.Lease, error) {
				lease, err := before(ctx, key, "anybody", ttl)
				lease.Owner = owner
				return lease, err
			}
		},
	},
	{
		"does not say who holds the lease",
		[]string{"lease/one-owner"},
		func(f *faulty) {
			before := f.acquire
			f.acquire = func(ctx context.Context, key, owner string, ttl time.Duration) (driver.Lease, error) {
				lease, err := before(ctx, key, owner, ttl)
				if errors.Is(err, driver.ErrLeaseHeld) {
					err = driver.ErrLeaseHeld
				}
				return lease, err
			}
		},
	},
	{
		"lets a lease last for ever",
		[]string{"lease/next-owner", "lease/expires-by-itself"},
		func(f *faulty) {
			before := f.acquire
			f.acquire = func(ctx context.Context, key, owner string, ttl time.Duration) (driver.Lease, error) {
				lease, err := before(ctx, key, owner, 1000*ttl)
				lease.ExpiresAt, lease.TTL = lease.ExpiresAt.Add(-999*ttl), ttl
				return lease, err
			}
		},
	},
	{
		"leaves out the part of a millisecond in which a lease was asked for",
		[]string{"lease/whole"},
		func(f *faulty) {
			before := f.acquire
			f.acquire = func(ctx context.Context, key, owner string, ttl time.Duration) (driver.Lease, error) {
				lease, err := before(ctx, key, owner, ttl-time.Duration(time.Now().Nanosecond())%time.Millisecond)
				lease.TTL = ttl
				return lease, err
			}
		},
	},
	{
		"renews a lease that was taken over",
		[]string{"lease/next-owner", "lease/same-owner", "lease/ends-with-its-epoch"},
		func(f *faulty) {
			before := f.renew
			f.renew = func(ctx context.Context, lease driver.Lease, ttl time.Duration) (driver.Lease, error) {
				renewed, err := before(ctx, lease, ttl)
				if errors.Is(err, driver.ErrFenced) {
					return lease, nil
				}
				return renewed, err
			}
		},
	},
	{
		"renews the lease of another",
		[]string{"lease/one-owner-an-epoch"},
		func(f *faulty) {
			owners := make(map[string]string)
			acquire, renew := f.acquire, f.renew
			f.acquire = func(ctx context.Context, key, owner string, ttl time.Duration) (driver.Lease, error) {
				lease, err := acquire(ctx, key, owner, ttl)
				if err == nil {
					owners[key] = owner
				}
				return lease, err
			}
			f.renew = func(ctx context.Context, lease driver.Lease, ttl time.Duration) (driver.Lease, error) {
				owner := lease.Owner
				lease.Owner = owners[lease.Key]
				renewed, err := renew(ctx, lease, ttl)
				renewed.Owner = owner
				return renewed, err
			}
		},
	},
	{
		"renews in words only",
		[]string{"lease/renew", "lease/renew-after-expiry"},
		func(f *faulty) {
			f.renew = func(_ context.Context, lease driver.Lease, ttl time.Duration) (driver.Lease, error) {
				lease.ExpiresAt = time.Now().UTC().Truncate(time.Millisecond).Add(ttl)
				return lease, nil
			}
		},
	},
	{
		"does not renew a lease that has expired",
		[]string{"lease/renew-after-expiry"},
		func(f *faulty) {
			before := f.renew
			f.renew = func(ctx context.Context, lease driver.Lease, ttl time.Duration) (driver.Lease, error) {
				if !time.Now().Before(lease.ExpiresAt) {
					return driver.Lease{}, driver.ErrFenced
				}
				return before(ctx, lease, ttl)
			}
		},
	},
	{
		"releases whatever lease there is",
		[]string{"lease/next-owner"},
		func(f *faulty) {
			var last driver.Lease
			acquire, release := f.acquire, f.release
			f.acquire = func(ctx context.Context, key, owner string, ttl time.Duration) (driver.Lease, error) {
				lease, err := acquire(ctx, key, owner, ttl)
				if err == nil {
					last = lease
				}
				return lease, err
			}
			f.release = func(ctx context.Context, _ driver.Lease) error { return release(ctx, last) }
		},
	},
	{
		"keeps a released lease until it expires",
		[]string{"lease/release", "lease/apart", "lease/race"},
		func(f *faulty) { f.release = func(context.Context, driver.Lease) error { return nil } },
	},
	{
		"locks out with Release",
		[]string{"lease/release"},
		func(f *faulty) {
			before := f.release
			f.release = func(ctx context.Context, lease driver.Lease) error {
				if err := before(ctx, lease); err != nil {
					return err
				}
				_, err := soundLeases(f.mem).acquire(ctx, lease.Key, "nobody", time.Nanosecond)
				return err
			}
		},
	},
	{
		"makes a checkpoint of a lease",
		[]string{"lease/without-a-checkpoint"},
		func(f *faulty) {
			before := f.acquire
			f.acquire = func(ctx context.Context, key, owner string, ttl time.Duration) (driver.Lease, error) {
				lease, err := before(ctx, key, owner, ttl)
				if err == nil {
					_, err = f.mem.Write(ctx, []driver.Write{{Key: key, Mark: driver.Mark{UpdatedAt: time.Now().UTC()}}})
				}
				return lease, err
			}
		},
	},
	{
		"ends a lease with Delete",
		[]string{"lease/without-a-checkpoint"},
		func(f *faulty) {
			held := make(map[string]driver.Lease)
			acquire, remove := f.acquire, f.remove
			f.acquire = func(ctx context.Context, key, owner string, ttl time.Duration) (driver.Lease, error) {
				lease, err := acquire(ctx, key, owner, ttl)
				if err == nil {
					held[key] = lease
				}
				return lease, err
			}
			f.remove = func(ctx context.Context, keys []string) (int, error) {
				for _, key := range keys {
					if err := soundLeases(f.mem).release(ctx, held[key]); err != nil {
						return 0, err
					}
				}
				return remove(ctx, keys)
			}
		},
	},
	{
		"holds a lease whose epoch is over",
		[]string{"lease/ends-with-its-epoch"},
		func(f *faulty) {
			var last driver.Lease
			before := f.acquire
			f.acquire = func(ctx context.Context, key, owner string, ttl time.Duration) (driver.Lease, error) {
				if last.Key == key && last.Owner != owner {
					return driver.Lease{}, &driver.LeaseHeldError{Owner: last.Owner, ExpiresAt: last.ExpiresAt}
				}
				lease, err := before(ctx, key, owner, ttl)
				last = lease
				return lease, err
			}
		},
	},
	{
		"starts anew after the highest epoch",
		[]string{"lease/64-bits"},
		func(f *faulty) {
			before := f.acquire
			f.acquire = func(ctx context.Context, key, owner string, ttl time.Duration) (driver.Lease, error) {
				lease, err := before(ctx, key, owner, ttl)
				if errors.Is(err, driver.ErrEpochExhausted) {
					return driver.Lease{Key: key, Owner: owner, Epoch: 1, ExpiresAt: time.Now().UTC().Truncate(time.Millisecond).Add(ttl)}, nil
				}
				return lease, err
			}
		},
	},
	{
		"keeps epochs of leases as float64",
		[]string{"lease/64-bits"},
		func(f *faulty) {
			before := f.acquire
			f.acquire = func(ctx context.Context, key, owner string, ttl time.Duration) (driver.Lease, error) {
				lease, err := before(ctx, key, owner, ttl)
				if lease.Epoch > 1<<53 && lease.Epoch == math.MaxUint64 {
					lease.Epoch--
				}
				return lease, err
			}
		},
	},
	{
		"says that a lease is held when the engine is away",
		[]string{"lease/outage"},
		func(f *faulty) {
			before := f.acquire
			f.acquire = func(ctx context.Context, key, owner string, ttl time.Duration) (driver.Lease, error) {
				lease, err := before(ctx, key, owner, ttl)
				if errors.Is(err, errOutage) {
					err = driver.ErrLeaseHeld
				}
				return lease, err
			}
		},
	},
	{
		"takes no notice of the context of a lease",
		[]string{"lease/context"},
		func(f *faulty) {
			acquire := f.acquire
			f.acquire = func(ctx context.Context, key, owner string, ttl time.Duration) (driver.Lease, error) {
				return acquire(context.WithoutCancel(ctx), key, owner, ttl)
			}
		},
	},
}
