package driver

import "time"

// TimeLayout is the layout of a stored time, for UTC: that of JavaScript's
// Date.prototype.toISOString. Times of years 1 to 9999 order as their text does.
const TimeLayout = "2006-01-02T15:04:05.000Z"

// A Mark is what a write leaves at its key. Each engine stores every field.
type Mark struct {
	// Position is the last event that the consumer has processed.
	Position Position `json:"position"`

	// UpdatedAt is when the position was written, by the writer's clock: UTC, whole
	// milliseconds, years 1 to 9999. It is zero if the store has no time: the oldest
	// layout in Redis did not keep one.
	UpdatedAt time.Time `json:"updatedAt,omitzero"`

	// Epoch is the epoch of the write. Zero: the write was not fenced. JSON has it as a
	// string, so that no reader rounds it.
	Epoch uint64 `json:"epoch,omitempty,string"`

	// LogID identifies the log that the position is in. Empty: no write has named the
	// log. By its LogID a consumer can tell the log that it read from a log that was
	// created anew.
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
	// Rewind is Set, and in the same step raises the fence by one and writes with the
	// raised fence as its epoch.
	Rewind
	// Touch sets the expiry and leaves the mark. The write's Position, UpdatedAt and
	// LogID have no meaning. Touch fails with [ErrNotFound] if nothing is there, and
	// with [ErrCorruptCheckpoint] if the checkpoint is damaged.
	Touch
)

// A Write is one change to one checkpoint. Package cell decides whether the change is
// made.
type Write struct {
	Key  string
	Mode Mode

	// TTL is how long the checkpoint lives from now, in whole milliseconds. Zero: for
	// ever; the write clears an expiry that was there. A [TTLUnit] rounds the TTL up.
	TTL time.Duration

	// Mark is what the write leaves.
	//
	// An Epoch above zero fences the write. The key's fence is the highest epoch
	// ever seen for the key, zero at first. If Epoch < fence, the outcome is Fenced
	// and nothing changes. Otherwise the fence becomes the Epoch, in the same step,
	// even if the outcome is Stale. A write that Failed leaves the fence as it was.
	// A Rewind raises the fence by one more. A write without an epoch neither
	// reads nor moves the fence, and leaves a checkpoint whose Epoch is zero,
	// unless it is a Rewind.
	//
	// An empty LogID leaves the stored one. A LogID goes when the checkpoint goes.
	Mark

	// SampleBefore is the beginning of the bucket of time that the write's UpdatedAt is
	// in. If the position that the write replaces was written before this time, the write
	// keeps a sample of that position. A Touch keeps none. Zero: the write keeps none. A
	// driver that is no [Sampler] ignores SampleBefore.
	SampleBefore time.Time

	// By is who makes the write by hand. Nil: nobody has said. See [AuditEntry].
	By *By
}

// A Result is what became of one Write.
type Result struct {
	Outcome Outcome
	Epoch   uint64 // the key's fence after the write, for Rewind and for Fenced; otherwise unspecified
	Err     error  // why the outcome is Failed or Unknown; otherwise nil
}
