package driver

import "time"

// TimeLayout is the layout of a stored time, for UTC: that of JavaScript's
// Date.prototype.toISOString. Times of years 1 to 9999 order as their text does.
const TimeLayout = "2006-01-02T15:04:05.000Z"

// A Mark is what a write leaves at its key. Each engine stores every field.
type Mark struct {
	// Position is the last event that the consumer has processed.
	Position Position `json:"position"`

	// UpdatedAt is when the position was written, by the writer's clock: UTC,
	// whole milliseconds, years 1 to 9999. It is zero if the store has none: the
	// oldest layout in Redis did not keep it.
	UpdatedAt time.Time `json:"updatedAt,omitzero"`

	// Epoch is that of the write; zero: the write was not fenced. JSON has it as
	// a string, so that no reader rounds it.
	Epoch uint64 `json:"epoch,omitempty,string"`

	// LogID identifies the log that the position is in; empty: no write has said.
	// Without it nobody could tell a log that was wiped, or restored from a
	// backup, from the one that was read.
	LogID string `json:"logId,omitempty"`
}

// A Record is the answer of Get for one key.
type Record struct {
	Key string
	Mark
	ExpiresAt time.Time // UTC; zero: never
	Err       error     // if not nil, only Key has a meaning besides
}

// Mode says what a Write does with the position that is stored.
type Mode uint8

const (
	// Set stores the mark whatever is there, damaged or not.
	Set Mode = iota
	// IfNewer stores the mark if nothing is there, or if the stored position is
	// not newer. At an equal position it refreshes everything but the position.
	// It does not compare with a damaged checkpoint: it fails with
	// [ErrCorruptCheckpoint].
	IfNewer
	// Rewind is Set. In the same step it raises the fence by one and writes with
	// the epoch that the fence then has.
	Rewind
	// Touch sets the expiry and leaves the mark. Position, UpdatedAt and LogID of
	// the write have no meaning. It fails with [ErrNotFound] if nothing is there,
	// and with [ErrCorruptCheckpoint] if a damaged checkpoint is.
	Touch
)

// A Write is one change to one checkpoint. Package cell has the rule that
// decides it.
type Write struct {
	Key  string
	Mode Mode

	// TTL is how long the checkpoint lives from now, in whole milliseconds; zero:
	// for ever, and an expiry that was there is cleared.
	TTL time.Duration

	// Mark is what the write leaves.
	//
	// Its Epoch, unless zero, fences the write. Below the key's fence (the highest
	// epoch ever seen for it, zero at first) the outcome is Fenced and nothing
	// changes. Otherwise the fence becomes the Epoch, in the same step, even if
	// the position is then Stale. A write that Failed leaves the fence as it was.
	// A Rewind raises the fence by one more. A write without an epoch neither
	// reads nor moves the fence, and leaves a checkpoint whose Epoch is zero.
	//
	// An empty LogID leaves the one that is stored. A LogID lives and ends with
	// the checkpoint.
	Mark
}

// A Result is what became of one Write.
type Result struct {
	Outcome Outcome
	Epoch   uint64 // the key's fence after the write, for Rewind and for Fenced; otherwise unspecified
	Err     error  // why the outcome is Failed or Unknown; otherwise nil
}
