package storetest_test

import (
	"cmp"
	"strconv"
	"time"

	"github.com/checkpointstore/checkpoint/cell"
	"github.com/checkpointstore/checkpoint/driver"
)

// What a write leaves.
var positionFaults = []fault{
	{
		"compares positions as float64",
		[]string{"position/order", "position/random-pairs"},
		compared(func(p, q driver.Position) int {
			return cmp.Or(
				cmp.Compare(float64(p.Commit), float64(q.Commit)), cmp.Compare(float64(p.Prepare), float64(q.Prepare)))
		}),
	},
	{
		"compares positions as signed numbers",
		[]string{"position/order", "position/random-pairs", "concurrency/maximum"},
		compared(func(p, q driver.Position) int {
			return cmp.Or(cmp.Compare(int64(p.Commit), int64(q.Commit)), cmp.Compare(int64(p.Prepare), int64(q.Prepare)))
		}),
	},
	{
		"compares the prepare alone as signed numbers",
		[]string{"position/order", "position/random-pairs"},
		compared(func(p, q driver.Position) int {
			return cmp.Or(cmp.Compare(p.Commit, q.Commit), cmp.Compare(int64(p.Prepare), int64(q.Prepare)))
		}),
	},
	{
		"compares positions as strings",
		[]string{"position/order", "position/random-pairs"},
		compared(func(p, q driver.Position) int {
			text := func(n uint64) string { return strconv.FormatUint(n, 10) }
			return cmp.Or(cmp.Compare(text(p.Commit), text(q.Commit)), cmp.Compare(text(p.Prepare), text(q.Prepare)))
		}),
	},
	{
		"ignores prepare",
		[]string{"position/order", "position/random-pairs"},
		compared(func(p, q driver.Position) int { return cmp.Compare(p.Commit, q.Commit) }),
	},
	{
		"compares prepare first",
		[]string{"position/order", "position/random-pairs"},
		compared(func(p, q driver.Position) int {
			return cmp.Or(cmp.Compare(p.Prepare, q.Prepare), cmp.Compare(p.Commit, q.Commit))
		}),
	},
	{
		"accepts an older prepare at an equal commit",
		[]string{"position/order", "position/random-pairs", "position/stale-changes-nothing"},
		compared(func(p, q driver.Position) int {
			if p.Commit == q.Commit && p.Prepare < q.Prepare {
				return 1
			}
			return p.Compare(q)
		}),
	},
	{
		"refuses an equal position",
		[]string{"position/order", "position/random-pairs", "updated-at/equal-refreshes", "ttl/equal-refreshes"},
		compared(func(p, q driver.Position) int { return min(1, 2*p.Compare(q)-1) }),
	},
	{
		"calls an equal position newer",
		[]string{"position/order", "concurrency/first-write"},
		answered(func(_ cell.Cell, w driver.Write, _ *cell.Cell, r *driver.Result) {
			if w.Mode == driver.IfNewer && r.Outcome == driver.Unchanged {
				r.Outcome = driver.Advanced
			}
		}),
	},
	{
		"wants a checkpoint to be there for IfNewer",
		[]string{"position/first"},
		refused(func(c cell.Cell, w driver.Write) (driver.Result, bool) {
			return driver.Result{Outcome: driver.Stale}, w.Mode == driver.IfNewer && !c.Checkpoint.Exists
		}),
	},
	{
		"takes position zero for none",
		[]string{"position/round-trip", "position/first", "position/log-from-zero"},
		found(func(r *driver.Record) {
			if r.Err == nil && r.Position == (driver.Position{}) {
				*r = driver.Record{Key: r.Key, Err: driver.ErrNotFound}
			}
		}),
	},
	{
		"stores positions as float64",
		[]string{"position/round-trip"},
		given(func(_ *cell.Cell, w *driver.Write) {
			if p := &w.Position; p.Commit < 1<<63 && p.Prepare < 1<<63 {
				p.Commit, p.Prepare = uint64(float64(p.Commit)), uint64(float64(p.Prepare))
			}
		}),
	},
	{
		"refreshes updatedAt with a stale write",
		[]string{"position/stale-changes-nothing"},
		answered(func(_ cell.Cell, w driver.Write, c *cell.Cell, r *driver.Result) {
			if r.Outcome == driver.Stale {
				c.Checkpoint.UpdatedAt = w.UpdatedAt
			}
		}),
	},
	{
		"refuses an older position for Set",
		[]string{"position/set-backwards", "damage/set-repairs", "ttl/set-by-every-mode"},
		given(func(_ *cell.Cell, w *driver.Write) {
			if w.Mode == driver.Set {
				w.Mode = driver.IfNewer
			}
		}),
	},
}

// isEqual reports whether w is an IfNewer at the stored position.
func isEqual(c *cell.Cell, w *driver.Write) bool {
	return w.Mode == driver.IfNewer && c.Checkpoint.Exists && c.Checkpoint.Err == nil && c.Checkpoint.Position == w.Position
}

var timeFaults = []fault{
	{
		"keeps updatedAt in whole seconds",
		[]string{"updated-at/round-trip"},
		given(func(_ *cell.Cell, w *driver.Write) { w.UpdatedAt = w.UpdatedAt.Truncate(time.Second) }),
	},
	{
		"keeps updatedAt in nanoseconds since 1970",
		[]string{"updated-at/round-trip"},
		given(func(_ *cell.Cell, w *driver.Write) { w.UpdatedAt = time.Unix(0, w.UpdatedAt.UnixNano()).UTC() }),
	},
	{
		"answers times in a zone of its own",
		[]string{"updated-at/round-trip", "ttl/told"},
		found(func(r *driver.Record) {
			zone := time.FixedZone("here", 3600)
			r.UpdatedAt, r.ExpiresAt = r.UpdatedAt.In(zone), r.ExpiresAt.In(zone)
		}),
	},
	{
		"leaves updatedAt as it is when the position is equal",
		[]string{"updated-at/equal-refreshes"},
		given(func(c *cell.Cell, w *driver.Write) {
			if isEqual(c, w) {
				w.UpdatedAt = c.Checkpoint.UpdatedAt
			}
		}),
	},
	{
		"never sets updatedAt back",
		[]string{"updated-at/follows-the-write"},
		given(func(c *cell.Cell, w *driver.Write) {
			if c.Checkpoint.UpdatedAt.After(w.UpdatedAt) {
				w.UpdatedAt = c.Checkpoint.UpdatedAt
			}
		}),
	},
}

var logIDFaults = []fault{
	{
		"knows nothing of logs",
		[]string{"log-id/round-trip", "log-id/stays", "log-id/refused", "log-id/listed"},
		given(func(_ *cell.Cell, w *driver.Write) { w.LogID = "" }),
	},
	{
		"stores the log with Set only",
		[]string{"log-id/round-trip"},
		given(func(_ *cell.Cell, w *driver.Write) {
			if w.Mode != driver.Set {
				w.LogID = ""
			}
		}),
	},
	{
		"keeps the first log",
		[]string{"log-id/round-trip"},
		given(func(c *cell.Cell, w *driver.Write) { w.LogID = cmp.Or(c.Checkpoint.LogID, w.LogID) }),
	},
	{
		"clears the log with a write that names none",
		[]string{"log-id/stays"},
		given(func(c *cell.Cell, w *driver.Write) {
			if w.Mode != driver.Touch {
				c.Checkpoint.LogID = ""
			}
		}),
	},
	{
		"stores the log of a write that it refuses",
		[]string{"log-id/refused"},
		answered(func(_ cell.Cell, w driver.Write, c *cell.Cell, r *driver.Result) {
			if r.Outcome == driver.Stale || r.Outcome == driver.Fenced {
				c.Checkpoint.LogID = cmp.Or(w.LogID, c.Checkpoint.LogID)
			}
		}),
	},
	{
		"keeps the log apart from the checkpoint",
		[]string{"log-id/deleted", "log-id/expired"},
		func(f *faulty) {
			logs := make(map[string]string)
			given(func(_ *cell.Cell, w *driver.Write) {
				w.LogID = cmp.Or(w.LogID, logs[w.Key])
				logs[w.Key] = w.LogID
			})(f)
		},
	},
	{
		"leaves the log out of a scan's records",
		[]string{"log-id/listed"},
		scans(func(r *driver.Record) { r.LogID = "" }),
	},
}
