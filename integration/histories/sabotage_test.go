package histories

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
)

// each writes one after another.
func each(writes []driver.Write, f func(w *driver.Write) driver.Result) ([]driver.Result, error) {
	results := make([]driver.Result, len(writes))
	for i := range writes {
		w := writes[i]
		results[i] = f(&w)
	}
	return results, nil
}

// one is the result of a single write.
func one(ctx context.Context, e engine, w *driver.Write) driver.Result {
	results, err := e.Write(ctx, []driver.Write{*w})
	if err != nil {
		return driver.Result{Err: err}
	}
	return results[0]
}

// storedAt is the position at key, if there is one.
func storedAt(ctx context.Context, e engine, key string) (driver.Position, bool) {
	records, err := e.Get(ctx, []string{key})
	if err != nil || records[0].Err != nil {
		return driver.Position{}, false
	}
	return records[0].Position, true
}

// comparing does without the engine's SetIfNewer: it reads, compares, and sets, in
// one step as far as it locks. Its answers are true as far as it knows.
type comparing struct {
	engine
	lock  sync.Locker
	older func(p, q driver.Position) bool
}

func (d *comparing) Write(ctx context.Context, writes []driver.Write) ([]driver.Result, error) {
	return each(writes, func(w *driver.Write) driver.Result {
		d.lock.Lock()
		defer d.lock.Unlock()
		if w.Mode != driver.IfNewer || w.Epoch != 0 {
			return one(ctx, d.engine, w)
		}
		outcome := driver.Advanced
		if p, ok := storedAt(ctx, d.engine, w.Key); ok {
			switch {
			case w.Position == p:
				outcome = driver.Unchanged
			case d.older(w.Position, p):
				return driver.Result{Outcome: driver.Stale}
			}
		}
		briefly()
		w.Mode = driver.Set
		r := one(ctx, d.engine, w)
		if r.Outcome == driver.Advanced {
			r.Outcome = outcome
		}
		return r
	})
}

// Delete is kept out of the moment between the comparison and the write, too.
func (d *comparing) Delete(ctx context.Context, keys []string) (int, error) {
	d.lock.Lock()
	defer d.lock.Unlock()
	return d.engine.Delete(ctx, keys)
}

// noLock locks nobody out.
type noLock struct{}

func (noLock) Lock()   {}
func (noLock) Unlock() {}

func exactly(p, q driver.Position) bool { return p.Compare(q) < 0 }

// asFloats compares as a script does that calls tonumber.
func asFloats(p, q driver.Position) bool {
	if float64(p.Commit) != float64(q.Commit) {
		return float64(p.Commit) < float64(q.Commit)
	}
	return float64(p.Prepare) < float64(q.Prepare)
}

func byCommit(p, q driver.Position) bool { return p.Commit < q.Commit }

// briefly lets others go first.
func briefly() { time.Sleep(time.Duration(rand.Int64N(int64(time.Millisecond)))) }

// repeating sends a Set again when the answer is lost, and so what others did in
// between is undone.
type repeating struct{ engine }

func (d repeating) Write(ctx context.Context, writes []driver.Write) ([]driver.Result, error) {
	return each(writes, func(w *driver.Write) driver.Result {
		if w.Mode == driver.Set && rand.IntN(4) == 0 {
			_ = one(ctx, d.engine, w) // the answer that is lost
			briefly()
		}
		return one(ctx, d.engine, w)
	})
}

// emptyHanded sometimes cannot reach the engine, and takes that for an answer.
type emptyHanded struct{ engine }

func (d emptyHanded) Get(ctx context.Context, keys []string) ([]driver.Record, error) {
	if rand.IntN(20) != 0 {
		return d.engine.Get(ctx, keys)
	}
	records := make([]driver.Record, len(keys))
	for i, key := range keys {
		records[i] = driver.Record{Key: key, Err: driver.ErrNotFound}
	}
	return records, nil
}

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

func (d *forgetful) Acquire(ctx context.Context, key, owner string, ttl time.Duration) (driver.Lease, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.engine.Acquire(ctx, d.name(key), owner, ttl)
}

func (d *forgetful) Renew(ctx context.Context, lease driver.Lease, ttl time.Duration) (driver.Lease, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	lease.Key = d.name(lease.Key)
	return d.engine.Renew(ctx, lease, ttl)
}

func (d *forgetful) Release(ctx context.Context, lease driver.Lease) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	lease.Key = d.name(lease.Key)
	return d.engine.Release(ctx, lease)
}

// pessimist says of some writes that have landed that they Failed.
type pessimist struct{ engine }

func (d pessimist) Write(ctx context.Context, writes []driver.Write) ([]driver.Result, error) {
	results, err := d.engine.Write(ctx, writes)
	for i := range results {
		if rand.IntN(20) == 0 {
			results[i] = driver.Result{Outcome: driver.Failed, Err: errors.New("no answer")}
		}
	}
	return results, err
}

// optimist says of some writes that they have landed before it knows.
type optimist struct{ engine }

func (d optimist) Write(ctx context.Context, writes []driver.Write) ([]driver.Result, error) {
	return each(writes, func(w *driver.Write) driver.Result {
		if w.Mode == driver.Set && w.Epoch == 0 && rand.IntN(20) == 0 {
			return driver.Result{Outcome: driver.Advanced}
		}
		return one(ctx, d.engine, w)
	})
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

func (d *unmoved) Acquire(ctx context.Context, key, owner string, ttl time.Duration) (driver.Lease, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	l, err := d.engine.Acquire(ctx, key, owner, ttl)
	d.fences[key] = max(d.fences[key], l.Epoch)
	return l, err
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

// caching sometimes answers what it has read before, as a replica that lags.
type caching struct {
	engine
	mu  sync.Mutex
	old map[string]driver.Record
}

func (d *caching) Get(ctx context.Context, keys []string) ([]driver.Record, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	records, err := d.engine.Get(ctx, keys)
	for i, r := range records {
		if old, ok := d.old[r.Key]; ok && rand.IntN(10) == 0 {
			records[i] = old
		}
		d.old[r.Key] = r
	}
	return records, err
}
