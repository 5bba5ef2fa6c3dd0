package histories

import (
	"fmt"
	"hash/maphash"

	"github.com/anishathalye/porcupine"

	"github.com/checkpointstore/checkpoint/driver"
)

var hashSeed = maphash.MakeSeed()

// model is of one key. An operation whose outcome is unknown may be put after all
// others, where nobody sees its effect.
var model = porcupine.Model{
	Init: func() any { return state{} },
	Step: func(before, in, out any) (bool, any) {
		i, o := in.(input), out.(output)
		s := before.(state)
		after, answer := s.apply(&i)
		if answer.told = o.told; !o.told {
			answer.entry = entry{}
		}
		if o.unknown {
			return !o.told || s.audited || o.entry == answer.entry, after
		}
		return o == answer, after
	},
	Hash: func(s any) uint64 { return maphash.Comparable(hashSeed, s.(state)) },
	DescribeOperation: func(in, out any) string {
		return in.(input).String() + " -> " + out.(output).describe(in.(input).method)
	},
	DescribeState: func(s any) string {
		if s := s.(state); s.exists {
			return fmt.Sprintf("%s, fence %d, %s", s.stored, s.fence, s.lease)
		}
		return fmt.Sprintf("nothing, fence %d, %s", s.(state).fence, s.(state).lease)
	},
}

func (s stored) String() string {
	return fmt.Sprintf("%d/%d of log %q epoch %d expires %dh by #%d",
		s.position.Commit, s.position.Prepare, s.logID, s.epoch, s.expires, s.updatedAt)
}

func (l leased) String() string {
	return fmt.Sprintf("lease of %q epoch %d expires %dh", l.owner, l.epoch, l.expires)
}

var modes = [...]string{driver.Set: "Set", driver.IfNewer: "SetIfNewer", driver.Rewind: "Rewind", driver.Touch: "Touch"}

func (i input) String() string {
	switch i.method {
	case get:
		return "Get"
	case remove:
		return "Delete"
	case acquire:
		return fmt.Sprintf("Acquire for %q, %v", i.lease.Owner, i.lease.TTL)
	case renew:
		return fmt.Sprintf("Renew for %q epoch %d, %v", i.lease.Owner, i.lease.Epoch, i.lease.TTL)
	case release:
		return fmt.Sprintf("Release of %q epoch %d", i.lease.Owner, i.lease.Epoch)
	case raise:
		return fmt.Sprintf("RaiseFence to %d", i.write.Epoch)
	case audit:
		return "History"
	}
	w := &i.write
	if w.Mode == driver.Touch {
		return fmt.Sprintf("Touch, %v", w.TTL)
	}
	return fmt.Sprintf("#%d %s %d/%d of log %q epoch %d, %v", w.UpdatedAt.UnixMilli(), modes[w.Mode],
		w.Position.Commit, w.Position.Prepare, w.LogID, w.Epoch, w.TTL)
}

var outcomes = [...]string{
	driver.Unknown: "unknown", driver.Failed: "failed", driver.Advanced: "advanced",
	driver.Unchanged: "unchanged", driver.Stale: "stale", driver.Fenced: "fenced",
}

// kind says in a word what the answer was.
func (o output) kind(m method) string {
	switch {
	case o.unknown:
		return "unknown"
	case m == write:
		return outcomes[o.outcome]
	case m == remove:
		return "deleted"
	case m == release:
		return "released"
	case m == raise:
		return "raised"
	case o.granted:
		return "granted"
	case o.lease != (leased{}):
		return "held"
	case m == renew:
		return "fenced"
	case o.exists:
		return "read"
	}
	return "nothing there"
}

func (o output) describe(m method) string {
	if o.entry != (entry{}) {
		e := o.entry
		o.entry = entry{}
		return fmt.Sprintf("%s, entry %s %v -> %v, epoch %d -> %d %s", o.describe(m), e.op, e.before, e.after, e.oldEpoch, e.newEpoch, e.reason)
	}
	kind := o.kind(m)
	switch {
	case kind == "read":
		return o.stored.String()
	case kind == "deleted":
		return fmt.Sprintf("deleted, existed: %t", o.exists)
	case kind == "granted", kind == "held":
		return kind + ": " + o.lease.String()
	case o.fence != 0:
		return fmt.Sprintf("%s, fence %d", kind, o.fence)
	}
	return kind
}
