package groups

// A record is one line of a process's file: something that it did.
type record struct {
	At        instant
	What      string
	Partition int     `json:",omitempty"`
	Epoch     uint64  `json:",omitempty"` // of the tenure that it belongs to
	Event     event   `json:",omitempty"`
	Until     instant `json:",omitempty"`
	Why       string  `json:",omitempty"`
}

// What a record says.
const (
	granted  = "granted"  // the consumer of Partition begins after Event
	handled  = "handled"  // Event takes effect after At
	refused  = "refused"  // the read model has refused Event
	stored   = "stored"   // the store was asked At to move the checkpoint to Event, and has done so
	fenced   = "fenced"   // the store was asked for that, and has refused
	failing  = "failing"  // the store was asked for that, and the answer is another error
	ended    = "ended"    // the consumer has, and Why
	released = "released" // its lease
	stalled  = "stalled"  // the process did not run from At until Until
	mute     = "mute"     // a sign of life has failed
)

// Why a consumer ended. Any other reason is an error's text.
const asked = "asked"
