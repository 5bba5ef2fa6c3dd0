package kurrentdb

import (
	"fmt"

	"github.com/checkpointstore/checkpoint"
)

// An order checks that the events of one connection come in the order of the
// log.
type order struct {
	after checkpoint.Position // where the consumer resumes: nothing at or before it may come
	known checkpoint.Position // where the connection began: the reader has yielded all up to here
	seen  checkpoint.Position // the last position of this connection
}

// event says whether an event at p is new. Only an event that this reader has yielded
// on an earlier connection may come again.
func (o *order) event(p checkpoint.Position) (isNew bool, err error) {
	if !isPlace(p) {
		return false, fmt.Errorf("kurrentdb: the server sent an event without a position: %s", p)
	}
	if p.Compare(o.after) <= 0 {
		return false, &orderError{event: p, after: o.after}
	}
	if p.Compare(o.seen) <= 0 {
		return false, &orderError{event: p, after: o.seen}
	}
	o.seen = p
	return p.Compare(o.known) > 0, nil
}
