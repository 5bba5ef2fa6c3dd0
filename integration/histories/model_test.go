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

	audited bool // whether the entries have been read
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
	raise // a fence
	audit // reads the audit entries, when all else has ended
)

type input struct {
	method method
	write  driver.Write // of a raise, its epoch is the one to raise the fence to at least
	lease  driver.Lease // what is acquired, renewed or released; its TTL is whole hours, as all are
}

// An output is an answer, in the fields that the method has.
type output struct {
	unknown bool // there was no answer, and the operation may have landed

	exists  bool // get: whether there was a checkpoint; remove: whether there had been
	stored  stored
	outcome driver.Outcome
	fence   uint64 // after a Rewind, an Acquire or a raise, and where the write was fenced
	granted bool   // whether a lease was acquired or renewed
	lease   leased // it, or without its epoch the other's that is held

	told  bool  // whether it is known which entry the operation has left
	entry entry // zero: none
}

// apply is what the store has to do and to answer.
func (s state) apply(in *input) (state, output) {
	switch in.method {
	case get:
		return s, output{exists: s.exists, stored: s.stored}
	case raise:
		return s.raise(in.write.Epoch)
	case audit:
		s.audited = true
		return s, output{}
	case remove:
		after := state{fence: s.fence, lease: s.lease, audited: s.audited}
		if !s.exists {
			return after, output{}
		}
		return after, output{exists: true, entry: s.change(driver.AuditDelete, after)}
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
	before := s
	s.fence++
	s.lease = leased{in.lease.Owner, s.fence, hours(in.lease.TTL)}
	out := output{granted: true, lease: s.lease, fence: s.fence}
	if former := before.lease.owner; former != "" && former != in.lease.Owner {
		out.entry = before.change(driver.AuditTakeOver, s)
		out.entry.reason = "after " + former
	}
	return s, out
}

func (s state) raise(atLeast uint64) (state, output) {
	if s.fence == 0 && atLeast == 0 {
		return s, output{}
	}
	before, op := s, driver.AuditFence
	if atLeast == 0 {
		op = driver.AuditRevoke
	}
	s.fence, s.lease = max(atLeast, s.fence+1), leased{}
	return s, output{fence: s.fence, entry: before.change(op, s)}
}

// hours is how many a TTL has.
func hours(d time.Duration) int { return int(d.Round(time.Hour) / time.Hour) }

var auditOps = [...]string{
	driver.Set: driver.AuditSet, driver.IfNewer: driver.AuditAdvance, driver.Rewind: driver.AuditRewind, driver.Touch: driver.AuditTouch,
}

func (s state) write(w *driver.Write) (state, output) {
	after, out := s.decide(w)
	if w.By != nil && (out.outcome == driver.Advanced || out.outcome == driver.Unchanged) {
		out.entry = s.change(auditOps[w.Mode], after)
	}
	return after, out
}

func (s state) decide(w *driver.Write) (state, output) {
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
