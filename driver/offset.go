package driver

// Offset returns the position of the event at offset n in a log that numbers its events
// from 0, such as a Kafka partition. It is {n+1, n+1}, so that the zero Position stays
// before the first event. If n is the next offset to read, such as Kafka's committed
// offset, the last event processed is at Offset(n-1). For n = 0, Offset(n-1) is the zero
// Position.
func Offset(n uint64) Position { return Position{Commit: n + 1, Prepare: n + 1} }

// Offset returns the offset of the event at p, which is Commit - 1. It does not look at
// Prepare. It returns false if Commit is zero: then p stands before the first event.
func (p Position) Offset() (n uint64, ok bool) {
	if p.Commit == 0 {
		return 0, false
	}
	return p.Commit - 1, true
}
