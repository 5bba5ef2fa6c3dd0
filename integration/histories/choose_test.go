package histories

import (
	"sync/atomic"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
)

// choose makes an operation of any kind. Positions are close to each other, far above
// 2^53, and on both sides of 2^63, commits and prepares alike; epochs are about the one
// that somebody has seen.
func (c *client) choose(r *record) input {
	w := driver.Write{
		Key: r.key,
		Mark: driver.Mark{
			Position: driver.Position{
				Commit:  1<<63 - 4 + c.random.Uint64N(8),
				Prepare: 1<<63 - 2 + c.random.Uint64N(4),
			},
			UpdatedAt: nextTime(),
		},
	}
	kind := c.random.IntN(100)
	switch {
	case kind < 30:
		return input{method: get}
	case kind < 36:
		return input{method: remove, write: w}
	case kind < 38:
		w.Epoch = [...]uint64{0, r.epoch, r.epoch + 1, r.epoch + 2}[c.random.IntN(4)]
		return input{method: raise, write: w}
	case kind < 50:
		return c.chooseLease(r)
	case kind < 56:
		return input{method: write, write: c.byHand(driver.Write{Key: r.key, Mode: driver.Touch, TTL: c.ttl(), Mark: driver.Mark{UpdatedAt: nextTime()}})}
	case kind < 61:
		w.Mode = driver.Rewind
	case kind < 73:
		w.Mode = driver.Set
	default:
		w.Mode = driver.IfNewer
	}
	if c.random.IntN(3) == 0 {
		w.Epoch = max(r.epoch+1, 2) - 1 + c.random.Uint64N(3) - 1
	}
	if c.random.IntN(3) == 0 {
		w.TTL = c.ttl()
	}
	w.LogID = [...]string{"", "", "", "log", "another log"}[c.random.IntN(5)]
	return input{method: write, write: c.byHand(w)}
}

// byHand has a write leave an audit entry, if it need not stay a write that leaves none.
func (c *client) byHand(w driver.Write) driver.Write {
	if w.Mode == driver.Set || w.Mode == driver.Rewind || c.random.IntN(4) == 0 {
		return named(w)
	}
	return w
}

// chooseLease makes one that concerns a lease: mostly the last that somebody got,
// whoever that is, sometimes one that was never there.
func (c *client) chooseLease(r *record) input {
	owner := [...]string{"a", "b", "c"}[c.random.IntN(3)]
	in := input{method: acquire, lease: driver.Lease{Key: r.key, Owner: owner, TTL: c.ttl()}}
	kind := c.random.IntN(14)
	if kind < 7 || r.lease.Epoch == 0 {
		return in
	}
	in.lease.Owner, in.lease.Epoch = r.lease.Owner, r.lease.Epoch
	if c.random.IntN(4) == 0 {
		in.lease.Owner = owner
		in.lease.Epoch -= c.random.Uint64N(2)
	}
	in.method = renew
	if kind < 10 {
		in.method = release
	}
	return in
}

// ttl is longer than any history, so that nothing expires, and tells which write
// it is of.
func (c *client) ttl() time.Duration { return time.Duration(1+c.random.IntN(5)) * time.Hour }

var lastTime atomic.Int64

// nextTime is never the same twice.
func nextTime() time.Time { return time.UnixMilli(lastTime.Add(1)).UTC() }
