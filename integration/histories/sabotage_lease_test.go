package histories

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
)

// generous answers who asks for a lease that another holds with that, or, with own,
// gives its owner the same again.
type generous struct {
	engine
	own bool

	mu      sync.Mutex
	granted map[string]driver.Lease
}

func (d *generous) Acquire(ctx context.Context, leases []driver.Lease) ([]driver.LeaseResult, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return eachLease(leases, func(l driver.Lease) (driver.Lease, error) {
		last := d.granted[l.Key]
		if d.own && last.Owner == l.Owner {
			last.TTL = l.TTL
			if got, err := oneLease(ctx, d.engine.Renew, last); err == nil {
				return got, nil
			}
		}
		got, err := oneLease(ctx, d.engine.Acquire, l)
		if !d.own && errors.Is(err, driver.ErrLeaseHeld) {
			last.Owner = l.Owner
			return last, nil
		}
		if err == nil {
			d.granted[l.Key] = got
		}
		return got, err
	})
}

// clinging goes on with a lease that another has taken over.
type clinging struct{ engine }

func (d clinging) Renew(ctx context.Context, leases []driver.Lease) ([]driver.LeaseResult, error) {
	return eachLease(leases, func(l driver.Lease) (driver.Lease, error) {
		got, err := oneLease(ctx, d.engine.Renew, l)
		if errors.Is(err, driver.ErrFenced) {
			l.ExpiresAt = time.Now().Add(l.TTL)
			return l, nil
		}
		return got, err
	})
}

// lazy says that it has renewed a lease, and leaves its end where it was.
type lazy struct{ engine }

func (d lazy) Renew(ctx context.Context, leases []driver.Lease) ([]driver.LeaseResult, error) {
	return eachLease(leases, func(l driver.Lease) (driver.Lease, error) {
		ttl := l.TTL
		l.TTL = 6 * time.Hour
		l, err := oneLease(ctx, d.engine.Renew, l)
		l.ExpiresAt = time.Now().Add(ttl)
		return l, err
	})
}

// releasing ends the lease that is there, whosever it is.
type releasing struct {
	engine
	mu      sync.Mutex
	granted map[string]driver.Lease
}

func (d *releasing) Acquire(ctx context.Context, leases []driver.Lease) ([]driver.LeaseResult, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return eachLease(leases, func(l driver.Lease) (driver.Lease, error) {
		got, err := oneLease(ctx, d.engine.Acquire, l)
		if err == nil {
			d.granted[l.Key] = got
		}
		return got, err
	})
}

func (d *releasing) Release(ctx context.Context, leases []driver.Lease) ([]driver.LeaseResult, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return eachLease(leases, func(l driver.Lease) (driver.Lease, error) {
		return oneLease(ctx, d.engine.Release, d.granted[l.Key])
	})
}

// outliving takes a lease for held by its owner until that releases it, whatever
// has raised the fence.
type outliving struct {
	engine
	mu   sync.Mutex
	held map[string]driver.Lease
}

func (d *outliving) Acquire(ctx context.Context, leases []driver.Lease) ([]driver.LeaseResult, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return eachLease(leases, func(l driver.Lease) (driver.Lease, error) {
		if held, ok := d.held[l.Key]; ok && held.Owner != l.Owner {
			return driver.Lease{}, &driver.LeaseHeldError{Owner: held.Owner, ExpiresAt: held.ExpiresAt}
		}
		got, err := oneLease(ctx, d.engine.Acquire, l)
		if err == nil {
			d.held[l.Key] = got
		}
		return got, err
	})
}

func (d *outliving) Renew(ctx context.Context, leases []driver.Lease) ([]driver.LeaseResult, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return eachLease(leases, func(l driver.Lease) (driver.Lease, error) {
		got, err := oneLease(ctx, d.engine.Renew, l)
		if err == nil {
			d.held[l.Key] = got
		}
		return got, err
	})
}

func (d *outliving) Release(ctx context.Context, leases []driver.Lease) ([]driver.LeaseResult, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, l := range leases {
		if held := d.held[l.Key]; held.Owner == l.Owner && held.Epoch == l.Epoch {
			delete(d.held, l.Key)
		}
	}
	return d.engine.Release(ctx, leases)
}
