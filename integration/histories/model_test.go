package histories

import (
	"fmt"
	"hash/maphash"

	"github.com/anishathalye/porcupine"

	"github.com/checkpointstore/checkpoint/driver"
)

// A state is all that the store keeps of one key.
type state struct {
	fence  uint64
	exists bool
	stored stored
}

// stored is a checkpoint.
type stored struct {
	position  driver.Position
	epoch     uint64
	updatedAt int64 // Unix milliseconds, which name the write
}

type method uint8

const (
	get method = iota
	write
	remove
)

type input struct {
	method method
	write  driver.Write
}

// An output is an answer, in the fields that the method has.
type output struct {
	unknown bool // there was no answer, and the operation may have landed

	exists  bool // get: whether there was a checkpoint; remove: whether there had been
	stored  stored
	outcome driver.Outcome
	fence   uint64 // after a Rewind, and where the write was fenced
}

// apply is what the store has to do and to answer.
func (s state) apply(in *input) (state, output) {
	switch in.method {
	case get:
		return s, output{exists: s.exists, stored: s.stored}
	case remove:
		return state{fence: s.fence}, output{exists: s.exists}
	}
	return s.write(&in.write)
}

func (s state) write(w *driver.Write) (state, output) {
	if w.Epoch != 0 && w.Epoch < s.fence {
		return s, output{outcome: driver.Fenced, fence: s.fence}
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
	s.stored = stored{position: w.Position, epoch: epoch, updatedAt: w.UpdatedAt.UnixMilli()}
	return s, out
}

var hashSeed = maphash.MakeSeed()

// model is of one key. An operation whose outcome is unknown may be put after all
// others, where nobody sees its effect.
var model = porcupine.Model{
	Init: func() any { return state{} },
	Step: func(before, in, out any) (bool, any) {
		i, o := in.(input), out.(output)
		after, answer := before.(state).apply(&i)
		return o.unknown || o == answer, after
	},
	Hash: func(s any) uint64 { return maphash.Comparable(hashSeed, s.(state)) },
	DescribeOperation: func(in, out any) string {
		return in.(input).String() + " -> " + out.(output).describe(in.(input).method)
	},
	DescribeState: func(s any) string {
		if s := s.(state); s.exists {
			return fmt.Sprintf("%s, fence %d", s.stored, s.fence)
		}
		return fmt.Sprintf("nothing, fence %d", s.(state).fence)
	},
}

func (s stored) String() string {
	return fmt.Sprintf("%d/%d epoch %d by #%d", s.position.Commit, s.position.Prepare, s.epoch, s.updatedAt)
}

var modes = [...]string{driver.Set: "Set", driver.IfNewer: "SetIfNewer", driver.Rewind: "Rewind"}

func (i input) String() string {
	switch i.method {
	case get:
		return "Get"
	case remove:
		return "Delete"
	}
	w := &i.write
	return fmt.Sprintf("#%d %s %d/%d epoch %d", w.UpdatedAt.UnixMilli(), modes[w.Mode], w.Position.Commit, w.Position.Prepare, w.Epoch)
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
	case o.exists:
		return "read"
	}
	return "nothing there"
}

func (o output) describe(m method) string {
	kind := o.kind(m)
	switch {
	case kind == "read":
		return o.stored.String()
	case kind == "deleted":
		return fmt.Sprintf("deleted, existed: %t", o.exists)
	case o.fence != 0:
		return fmt.Sprintf("%s, fence %d", kind, o.fence)
	}
	return kind
}
