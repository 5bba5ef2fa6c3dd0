package storetest_test

import (
	"cmp"
	"strconv"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
)

var positionFaults = []fault{
	{
		"compares positions as float64",
		[]string{"position/order", "position/random-pairs"},
		func(f *faulty) {
			f.compares(func(p, q driver.Position) int {
				return cmp.Or(
					cmp.Compare(float64(p.Commit), float64(q.Commit)), cmp.Compare(float64(p.Prepare), float64(q.Prepare)))
			})
		},
	},
	{
		"compares positions as signed numbers",
		[]string{"position/order", "position/random-pairs"},
		func(f *faulty) {
			f.compares(func(p, q driver.Position) int {
				return cmp.Or(cmp.Compare(int64(p.Commit), int64(q.Commit)), cmp.Compare(int64(p.Prepare), int64(q.Prepare)))
			})
		},
	},
	{
		"compares positions as strings",
		[]string{"position/order", "position/random-pairs"},
		func(f *faulty) {
			text := func(n uint64) string { return strconv.FormatUint(n, 10) }
			f.compares(func(p, q driver.Position) int {
				return cmp.Or(cmp.Compare(text(p.Commit), text(q.Commit)), cmp.Compare(text(p.Prepare), text(q.Prepare)))
			})
		},
	},
	{
		"ignores prepare",
		[]string{"position/order"},
		func(f *faulty) {
			f.compares(func(p, q driver.Position) int { return cmp.Compare(p.Commit, q.Commit) })
		},
	},
	{
		"accepts an older prepare at an equal commit",
		[]string{"position/order", "position/stale-changes-nothing"},
		func(f *faulty) {
			f.compares(func(p, q driver.Position) int {
				if p.Commit == q.Commit && p.Prepare < q.Prepare {
					return 1
				}
				return p.Compare(q)
			})
		},
	},
	{
		"refuses an equal position",
		[]string{"position/order", "updated-at/equal-refreshes", "ttl/equal-refreshes"},
		func(f *faulty) {
			f.compares(func(p, q driver.Position) int { return min(1, 2*p.Compare(q)-1) })
		},
	},
	{
		"calls an equal position newer",
		[]string{"position/order", "concurrency/first-write"},
		func(f *faulty) {
			f.answered(func(w driver.Write, r *driver.Result) {
				if w.Mode == driver.IfNewer && r.Outcome == driver.Unchanged {
					r.Outcome = driver.Advanced
				}
			})
		},
	},
	{
		"wants a checkpoint to be there for IfNewer",
		[]string{"position/first"},
		func(f *faulty) {
			f.eachWrite(func(w driver.Write, apply step) driver.Result {
				if w.Mode == driver.IfNewer && isMissing(f.stored(w.Key)) {
					return driver.Result{Outcome: driver.Stale}
				}
				return apply(w)
			})
		},
	},
	{
		"takes position zero for none",
		[]string{"position/round-trip", "position/first"},
		func(f *faulty) {
			f.found(func(r *driver.Record) {
				if r.Err == nil && r.Position == (driver.Position{}) {
					*r = driver.Record{Key: r.Key, Err: driver.ErrNotFound}
				}
			})
		},
	},
	{
		"stores positions as float64",
		[]string{"position/round-trip"},
		func(f *faulty) {
			f.given(func(w *driver.Write) {
				if w.Position.Commit < 1<<63 && w.Position.Prepare < 1<<63 {
					w.Position.Commit = uint64(float64(w.Position.Commit))
					w.Position.Prepare = uint64(float64(w.Position.Prepare))
				}
			})
		},
	},
	{
		"refreshes updatedAt with a stale write",
		[]string{"position/stale-changes-nothing"},
		func(f *faulty) {
			f.eachWrite(func(w driver.Write, apply step) driver.Result {
				r := apply(w)
				if stored := f.stored(w.Key); r.Outcome == driver.Stale {
					apply(driver.Write{
						Key: w.Key, Mark: driver.Mark{Position: stored.Position, UpdatedAt: w.UpdatedAt, Epoch: stored.Epoch}, TTL: left(stored),
					})
				}
				return r
			})
		},
	},
	{
		"refuses an older position for Set",
		[]string{"position/set-backwards", "damage/set-repairs", "ttl/set-by-every-mode"},
		func(f *faulty) {
			f.given(func(w *driver.Write) {
				if w.Mode == driver.Set {
					w.Mode = driver.IfNewer
				}
			})
		},
	},
}

// compares has IfNewer use another order of positions.
func (f *faulty) compares(compare func(p, q driver.Position) int) {
	f.eachWrite(func(w driver.Write, apply step) driver.Result {
		stored := f.stored(w.Key)
		if w.Mode != driver.IfNewer || stored.Err != nil {
			return apply(w)
		}
		order := compare(w.Position, stored.Position)
		if order < 0 {
			return driver.Result{Outcome: driver.Stale}
		}
		w.Mode = driver.Set
		r := apply(w)
		if order == 0 && r.Outcome == driver.Advanced {
			r.Outcome = driver.Unchanged
		}
		return r
	})
}

var timeFaults = []fault{
	{
		"keeps updatedAt in whole seconds",
		[]string{"updated-at/round-trip"},
		func(f *faulty) {
			f.given(func(w *driver.Write) { w.UpdatedAt = w.UpdatedAt.Truncate(time.Second) })
		},
	},
	{
		"keeps updatedAt in nanoseconds since 1970",
		[]string{"updated-at/round-trip"},
		func(f *faulty) {
			f.given(func(w *driver.Write) { w.UpdatedAt = time.Unix(0, w.UpdatedAt.UnixNano()).UTC() })
		},
	},
	{
		"answers times in a zone of its own",
		[]string{"updated-at/round-trip", "ttl/told"},
		func(f *faulty) {
			zone := time.FixedZone("here", 3600)
			f.found(func(r *driver.Record) { r.UpdatedAt, r.ExpiresAt = r.UpdatedAt.In(zone), r.ExpiresAt.In(zone) })
		},
	},
	{
		"leaves updatedAt as it is when the position is equal",
		[]string{"updated-at/equal-refreshes"},
		func(f *faulty) {
			f.given(func(w *driver.Write) {
				if stored := f.stored(w.Key); w.Mode == driver.IfNewer && stored.Position == w.Position && stored.Err == nil {
					w.UpdatedAt = stored.UpdatedAt
				}
			})
		},
	},
	{
		"never sets updatedAt back",
		[]string{"updated-at/follows-the-write"},
		func(f *faulty) {
			f.given(func(w *driver.Write) {
				if stored := f.stored(w.Key); stored.UpdatedAt.After(w.UpdatedAt) {
					w.UpdatedAt = stored.UpdatedAt
				}
			})
		},
	},
}
