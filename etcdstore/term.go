package etcdstore

import (
	"context"
	"maps"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/checkpointstore/checkpoint/driver"
)

// A term is an etcd lease that the reports of a driver share. It is granted for longer
// than a report lasts, and serves the reports that come soon after. Nobody renews it, so
// that each report ends in time.
type term struct {
	id          clientv3.LeaseID
	began, ends time.Time
}

// A term serves for a quarter of the TTL, so that a driver has few etcd leases, however
// many reports it stores.
func serves(ttl time.Duration) time.Duration { return max(unit, ttl/4).Truncate(unit) }

// over reports whether t serves no more reports that last for ttl. The wall clock also goes
// on while the machine is suspended.
func (t *term) over(ttl time.Duration) bool {
	now := time.Now()
	return max(now.Sub(t.began), now.Round(0).Sub(t.began.Round(0))) >= serves(ttl)
}

type terms struct {
	granting chan struct{} // who sends to it grants a term; it has place for one
	mu       sync.Mutex
	byTTL    map[time.Duration]term
}

// term returns the term of a report that is to last for ttl. Without a TTL that is none.
func (d *Driver) term(ctx context.Context, ttl time.Duration) (term, error) {
	if ttl == 0 {
		return term{}, nil
	}
	ttl = min(driver.RoundTTL(d, ttl), maxTTL)
	if t, ok := d.terms.find(ttl); ok {
		return t, nil
	}
	select {
	case d.terms.granting <- struct{}{}:
	case <-ctx.Done():
		return term{}, ctx.Err()
	}
	defer func() { <-d.terms.granting }()
	if t, ok := d.terms.find(ttl); ok { // of who granted before
		return t, nil
	}
	began := time.Now()
	granted, err := d.grantLease(ctx, ttl+min(serves(ttl), maxTTL-ttl))
	if err != nil {
		return term{}, err
	}
	t := term{granted.id, began, began.Add(granted.ttl)}
	d.terms.add(ttl, t)
	return t, nil
}

func (t *terms) find(ttl time.Duration) (term, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	found, ok := t.byTTL[ttl]
	return found, ok && !found.over(ttl)
}

// add keeps a term. It drops those that serve no more: they end by themselves.
func (t *terms) add(ttl time.Duration, added term) {
	t.mu.Lock()
	defer t.mu.Unlock()
	maps.DeleteFunc(t.byTTL, func(ttl time.Duration, t term) bool { return t.over(ttl) })
	t.byTTL[ttl] = added
}

// forget drops all terms: one of them has ended.
func (t *terms) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	clear(t.byTTL)
}
