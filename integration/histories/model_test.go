package histories

import (
	"cmp"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
)

// A state is all that the store keeps of one key.
type state struct {
	fence  uint64
	exists bool
	stored stored
	lease  leased // zero: none
}

// stored is a checkpoint.
type stored struct {
	position  driver.Position
	epoch     uint64
	updatedAt int64 // Unix milliseconds, which name the write
	logID     string
	expires   int // in which hour of the history; zero: never
}

// leased is a lease. None ends by itself while a history is made.
type leased struct {
	owner   string
	epoch   uint64
	expires int // in which hour of the history
}

type method uint8

const (
	get method = iota
	write
	remove
	acquire
	renew
	release
)

type input struct {
	method method
	write  driver.Write
	lease  driver.Lease // what is acquired, renewed or released; its TTL is whole hours, as all are
}

// An output is an answer, in the fields that the method has.
type output struct {
	unknown bool // there was no answer, and the operation may have landed

	exists  bool // get: whether there was a checkpoint; remove: whether there had been
	stored  stored
	outcome driver.Outcome
	fence   uint64 // after a Rewind or an Acquire, and where the write was fenced
	granted bool   // whether a lease was acquired or renewed
	lease   leased // it, or without its epoch the other's that is held
}

// apply is what the store has to do and to answer.
func (s state) apply(in *input) (state, output) {
	switch in.method {
	case get:
		return s, output{exists: s.exists, stored: s.stored}
	case remove:
		return state{fence: s.fence, lease: s.lease}, output{exists: s.exists}
	case acquire:
		return s.acquire(in)
	case renew:
		l := leased{in.lease.Owner, in.lease.Epoch, hours(in.lease.TTL)}
		if l.epoch != s.fence || s.lease.epoch == l.epoch && s.lease.owner != l.owner {
			return s, output{}
		}
		s.lease = l
		return s, output{granted: true, lease: l}
	case release:
		if s.lease.owner == in.lease.Owner && s.lease.epoch == in.lease.Epoch {
			s.lease = leased{}
		}
		return s, output{}
	}
	return s.write(&in.write)
}

func (s state) acquire(in *input) (state, output) {
	if l := s.lease; l != (leased{}) && l.owner != in.lease.Owner && l.epoch == s.fence {
		l.epoch = 0
		return s, output{lease: l}
	}
	s.fence++
	s.lease = leased{in.lease.Owner, s.fence, hours(in.lease.TTL)}
	return s, output{granted: true, lease: s.lease, fence: s.fence}
}

// hours is how many a TTL has.
func hours(d time.Duration) int { return int(d.Round(time.Hour) / time.Hour) }

func (s state) write(w *driver.Write) (state, output) {
	if w.Epoch != 0 && w.Epoch < s.fence {
		return s, output{outcome: driver.Fenced, fence: s.fence}
	}
	if w.Mode == driver.Touch {
		if !s.exists {
			return s, output{outcome: driver.Failed}
		}
		s.stored.expires = hours(w.TTL)
		return s, output{outcome: driver.Unchanged}
	}
	out := output{outcome: driver.Advanced}
	epoch := w.Epoch
	if w.Mode == driver.Rewind {
		epoch = max(epoch, s.fence) + 1
		out.fence = epoch
	}
	s.fence = max(s.fence, epoch)
	if w.Mode == driver.IfNewer && s.exists {
		switch w.Position.Compare(s.stored.position) {
		case -1:
			return s, output{outcome: driver.Stale}
		case 0:
			out.outcome = driver.Unchanged
		}
	}
	s.exists = true
	s.stored = stored{
		position: w.Position, epoch: epoch, updatedAt: w.UpdatedAt.UnixMilli(),
		logID: cmp.Or(w.LogID, s.stored.logID), expires: hours(w.TTL),
	}
	return s, out
}
