package kurrentdb

import (
	"fmt"
	"hash/fnv"
)

// Segment returns to which of n segments a stream belongs, from 0 to n-1. All events of a
// stream are in one segment, so they keep their order. Consumers that share the segments
// out each read the whole log, and ignore the events of other segments.
//
// The segment is the FNV-1a hash of the name's bytes, with 64 bits, modulo n. It never
// changes: checkpoints depend on it. It has no relation to the segment for another n, so
// a checkpoint for n segments says nothing about other numbers of segments. Segment
// panics if n is below 1.
func Segment(stream string, n int) int {
	if n < 1 {
		panic(fmt.Sprintf("kurrentdb: Segment(%q, %d): there must be at least 1 segment", stream, n))
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(stream)) // it never fails
	return int(h.Sum64() % uint64(n))
}
