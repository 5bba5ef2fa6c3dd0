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

func (d *generous) Acquire(ctx context.Context, key, owner string, ttl time.Duration) (driver.Lease, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	last := d.granted[key]
	if d.own && last.Owner == owner {
		if l, err := d.engine.Renew(ctx, last, ttl); err == nil {
			return l, nil
		}
	}
	l, err := d.engine.Acquire(ctx, key, owner, ttl)
	if !d.own && errors.Is(err, driver.ErrLeaseHeld) {
		last.Owner = owner
		return last, nil
	}
	if err == nil {
		d.granted[key] = l
	}
	return l, err
}

// clinging goes on with a lease that another has taken over.
type clinging struct{ engine }

func (d clinging) Renew(ctx context.Context, lease driver.Lease, ttl time.Duration) (driver.Lease, error) {
	l, err := d.engine.Renew(ctx, lease, ttl)
	if errors.Is(err, driver.ErrFenced) {
		lease.ExpiresAt = time.Now().Add(ttl)
		return lease, nil
	}
	return l, err
}

// lazy says that it has renewed a lease, and leaves its end where it was.
type lazy struct{ engine }

func (d lazy) Renew(ctx context.Context, lease driver.Lease, ttl time.Duration) (driver.Lease, error) {
	l, err := d.engine.Renew(ctx, lease, 6*time.Hour)
	l.ExpiresAt = time.Now().Add(ttl)
	return l, err
}

// releasing ends the lease that is there, whosever it is.
type releasing struct {
	engine
	mu      sync.Mutex
	granted map[string]driver.Lease
}

func (d *releasing) Acquire(ctx context.Context, key, owner string, ttl time.Duration) (driver.Lease, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	l, err := d.engine.Acquire(ctx, key, owner, ttl)
	if err == nil {
		d.granted[key] = l
	}
	return l, err
}

func (d *releasing) Release(ctx context.Context, lease driver.Lease) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.engine.Release(ctx, d.granted[lease.Key])
}

// outliving takes a lease for held by its owner until that releases it, whatever
// has raised the fence.
type outliving struct {
	engine
	mu   sync.Mutex
	held map[string]driver.Lease
}

func (d *outliving) Acquire(ctx context.Context, key, owner string, ttl time.Duration) (driver.Lease, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if held, ok := d.held[key]; ok && held.Owner != owner {
		return driver.Lease{}, &driver.LeaseHeldError{Owner: held.Owner, ExpiresAt: held.ExpiresAt}
	}
	l, err := d.engine.Acquire(ctx, key, owner, ttl)
	if err == nil {
		d.held[key] = l
	}
	return l, err
}

func (d *outliving) Renew(ctx context.Context, lease driver.Lease, ttl time.Duration) (driver.Lease, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	l, err := d.engine.Renew(ctx, lease, ttl)
	if err == nil {
		d.held[lease.Key] = l
	}
	return l, err
}

func (d *outliving) Release(ctx context.Context, lease driver.Lease) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if held := d.held[lease.Key]; held.Owner == lease.Owner && held.Epoch == lease.Epoch {
		delete(d.held, lease.Key)
	}
	return d.engine.Release(ctx, lease)
}
