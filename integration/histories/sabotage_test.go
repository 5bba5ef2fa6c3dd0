package histories

import (
	"context"
	"math/rand/v2"
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

// eachLease decides one after another.
func eachLease(leases []driver.Lease, f func(l driver.Lease) (driver.Lease, error)) ([]driver.LeaseResult, error) {
	results := make([]driver.LeaseResult, len(leases))
	for i, l := range leases {
		results[i].Lease, results[i].Err = f(l)
	}
	return results, nil
}

// oneLease is the answer of an engine's Acquire, Renew or Release for a single lease.
func oneLease(
	ctx context.Context, do func(context.Context, []driver.Lease) ([]driver.LeaseResult, error), l driver.Lease,
) (driver.Lease, error) {
	return driver.One(do(ctx, []driver.Lease{l}))
}

// storedAt is the position at key, if there is one.
func storedAt(ctx context.Context, e engine, key string) (driver.Position, bool) {
	records, err := e.Get(ctx, []string{key})
	if err != nil || records[0].Err != nil {
		return driver.Position{}, false
	}
	return records[0].Position, true
}

// briefly lets others go first.
func briefly() { time.Sleep(time.Duration(rand.Int64N(int64(time.Millisecond)))) }

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

// asSigned compares as a database does whose integers have a sign.
func asSigned(p, q driver.Position) bool {
	if p.Commit != q.Commit {
		return int64(p.Commit) < int64(q.Commit)
	}
	return int64(p.Prepare) < int64(q.Prepare)
}

func preparesAsSigned(p, q driver.Position) bool {
	if p.Commit != q.Commit {
		return p.Commit < q.Commit
	}
	return int64(p.Prepare) < int64(q.Prepare)
}

func byCommit(p, q driver.Position) bool { return p.Commit < q.Commit }
