package suspend

import "time"

// A record is one line of a process's file: a grant, an event that was handled, or the
// end of a tenure.
type record struct {
	What  string
	Epoch uint64
	Event uint64      `json:",omitempty"` // that was handled
	Alive []time.Time `json:",omitempty"` // when the handler found its context alive; the first time at its begin
	At    time.Time   // just before the record was written
	Why   string      `json:",omitempty"` // a tenure ended
}

const (
	granted = "granted"
	handled = "handled"
	ended   = "ended"
)

// Why a tenure ended. Any other reason is an error's text.
const (
	calledOff = "called off" // by a signal
	fenced    = "fenced"
	leaseLost = "lease lost"
)

// began is when the handler of an event was called.
func (r record) began() time.Time { return r.Alive[0] }

// wall is the time by the wall clock alone.
func wall() time.Time { return time.Now().Round(0) }
