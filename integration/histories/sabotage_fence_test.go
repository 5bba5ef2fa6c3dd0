package histories

import (
	"context"
	"slices"
	"strconv"
	"sync"

	"github.com/checkpointstore/checkpoint/driver"
)

// forgetful begins anew, without a fence, after each Delete.
type forgetful struct {
	engine
	mu      sync.Mutex
	deleted map[string]int
}

func (d *forgetful) name(key string) string { return key + "/" + strconv.Itoa(d.deleted[key]) }

func (d *forgetful) Get(ctx context.Context, keys []string) ([]driver.Record, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	keys = slices.Clone(keys)
	for i := range keys {
		keys[i] = d.name(keys[i])
	}
	return d.engine.Get(ctx, keys)
}

func (d *forgetful) Write(ctx context.Context, writes []driver.Write) ([]driver.Result, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return each(writes, func(w *driver.Write) driver.Result {
		w.Key = d.name(w.Key)
		return one(ctx, d.engine, w)
	})
}

func (d *forgetful) Delete(ctx context.Context, keys []string) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n, err := d.engine.Delete(ctx, []string{d.name(keys[0])})
	d.deleted[keys[0]]++
	return n, err
}

// named are leases by the names that their keys have now.
func (d *forgetful) named(leases []driver.Lease) []driver.Lease {
	leases = slices.Clone(leases)
	for i := range leases {
		leases[i].Key = d.name(leases[i].Key)
	}
	return leases
}

func (d *forgetful) Acquire(ctx context.Context, leases []driver.Lease) ([]driver.LeaseResult, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.engine.Acquire(ctx, d.named(leases))
}

func (d *forgetful) Renew(ctx context.Context, leases []driver.Lease) ([]driver.LeaseResult, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.engine.Renew(ctx, d.named(leases))
}

func (d *forgetful) Release(ctx context.Context, leases []driver.Lease) ([]driver.LeaseResult, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.engine.Release(ctx, d.named(leases))
}

// unfenced writes in spite of a newer epoch.
type unfenced struct{ engine }

func (d unfenced) Write(ctx context.Context, writes []driver.Write) ([]driver.Result, error) {
	return each(writes, func(w *driver.Write) driver.Result {
		r := one(ctx, d.engine, w)
		if r.Outcome == driver.Fenced {
			w.Epoch = r.Epoch
			r = one(ctx, d.engine, w)
		}
		return r
	})
}

// unmoved leaves the fence where the position is stale. It knows each fence, since
// all writes come by.
type unmoved struct {
	engine
	mu     sync.Mutex
	fences map[string]uint64
}

func (d *unmoved) Write(ctx context.Context, writes []driver.Write) ([]driver.Result, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return each(writes, func(w *driver.Write) driver.Result {
		fence := d.fences[w.Key]
		p, ok := storedAt(ctx, d.engine, w.Key)
		if ok && w.Mode == driver.IfNewer && w.Epoch > fence && exactly(w.Position, p) {
			return driver.Result{Outcome: driver.Stale}
		}
		r := one(ctx, d.engine, w)
		if r.Outcome != driver.Failed {
			d.fences[w.Key] = max(fence, w.Epoch)
			if w.Mode == driver.Rewind || r.Outcome == driver.Fenced {
				d.fences[w.Key] = r.Epoch
			}
		}
		return r
	})
}

func (d *unmoved) Acquire(ctx context.Context, leases []driver.Lease) ([]driver.LeaseResult, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return eachLease(leases, func(l driver.Lease) (driver.Lease, error) {
		got, err := oneLease(ctx, d.engine.Acquire, l)
		d.fences[l.Key] = max(d.fences[l.Key], got.Epoch)
		return got, err
	})
}

// rewinding rewinds by a Set, which locks nobody out.
type rewinding struct{ engine }

func (d rewinding) Write(ctx context.Context, writes []driver.Write) ([]driver.Result, error) {
	return each(writes, func(w *driver.Write) driver.Result {
		if w.Mode == driver.Rewind {
			w.Mode, w.Epoch = driver.Set, max(w.Epoch, 1)
			r := one(ctx, d.engine, w)
			if r.Outcome == driver.Advanced {
				r.Epoch = w.Epoch
			}
			return r
		}
		return one(ctx, d.engine, w)
	})
}
