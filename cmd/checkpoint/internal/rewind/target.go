package rewind

import (
	"errors"
	"fmt"
	"time"

	"github.com/checkpointstore/checkpoint"
)

// A Goal is where a key goes.
type Goal struct {
	Position checkpoint.Position
	KnownAt  time.Time // when the key is known to have stood there; zero: that does not matter
}

// A Target says where the key of a cell goes. Its error says why the key must stay where it
// is.
type Target func(before checkpoint.Cell) (Goal, error)

// To is the same position for each key.
func To(p checkpoint.Position) Target {
	return func(checkpoint.Cell) (Goal, error) { return Goal{Position: p}, nil }
}

// Like is the position of another checkpoint. A key whose position is in another log stays:
// the two positions cannot be compared.
func Like(other checkpoint.Checkpoint) Target {
	return func(before checkpoint.Cell) (Goal, error) {
		if log := before.Checkpoint.LogID; log != "" && other.LogID != "" && log != other.LogID {
			return Goal{}, fmt.Errorf("its position is in the log %q, and that of %q is in the log %q; "+
				"name a position in its own log", log, other.Key, other.LogID)
		}
		return Goal{Position: other.Position}, nil
	}
}

var errTwoNumbers = errors.New("the two numbers of its position differ, so that the position cannot be counted back; name a position")

// Back is n before each key's own position, and the zero position at the least. A position
// of two different numbers cannot be counted back.
func Back(n uint64) Target {
	return func(before checkpoint.Cell) (Goal, error) {
		p := before.Checkpoint.Position
		switch {
		case before.Checkpoint.Err != nil:
			return Goal{}, before.Checkpoint.Err
		case !single(p):
			return Goal{}, errTwoNumbers
		}
		to := p.Commit - min(n, p.Commit)
		return Goal{Position: checkpoint.Position{Commit: to, Prepare: to}}, nil
	}
}

// single reports whether p counts the events of its log, as far as can be told from p.
func single(p checkpoint.Position) bool { return p.Commit == p.Prepare }
