package driver

import (
	"cmp"
	"errors"
	"time"
)

// Errors that a driver wraps and a Store passes on. Package checkpoint exports
// them under the same names.
var (
	ErrNotFound = errors.New("not found")
	ErrCorrupt  = errors.New("stored checkpoint is damaged")
	ErrClosed   = errors.New("store is closed")
)

// ErrEpochExhausted is the Err of a [Rewind] whose key's fence is already at
// the largest epoch there is and cannot be raised.
var ErrEpochExhausted = errors.New("the fence is at the highest epoch there is and cannot be raised")

// Position is a place in a log. It has the shape of checkpoint.Position.
type Position struct{ Commit, Prepare uint64 }

// Compare returns -1, 0 or +1 as p is before, at or after q: by commit, then
// by prepare.
func (p Position) Compare(q Position) int {
	if c := cmp.Compare(p.Commit, q.Commit); c != 0 {
		return c
	}
	return cmp.Compare(p.Prepare, q.Prepare)
}

// A Record is what Get found at one key.
type Record struct {
	Key       string
	Position  Position
	UpdatedAt time.Time // UTC, whole milliseconds; zero where the engine has none
	ExpiresAt time.Time // UTC; zero: never
	Epoch     uint64    // of the write that left it here; zero: not fenced
	LogID     string    // identifies the log that the position is in; empty: no write has said
	Err       error     // when not nil, only Key has a meaning besides
}

// Mode says what a Write does with the position that is stored.
type Mode uint8

const (
	// Set stores the position whatever is there, damaged or not.
	Set Mode = iota
	// IfNewer stores the position if nothing is there or it is not older than
	// what is. At an equal position it refreshes UpdatedAt, expiry and Epoch.
	// It refuses, with ErrCorrupt, to compare with a damaged checkpoint.
	IfNewer
	// Rewind is Set, and in the same step raises the fence by one and writes
	// with the epoch that the fence then has.
	Rewind
	// Touch sets the expiry and leaves everything else. Position and UpdatedAt
	// have no meaning. A missing key is ErrNotFound, a damaged one ErrCorrupt.
	Touch
)

// A Write is one change to one checkpoint.
type Write struct {
	Key      string
	Position Position
	Mode     Mode

	// TTL is how long the checkpoint lives from now, in whole milliseconds;
	// zero: for ever, and an expiry that was there is cleared.
	TTL time.Duration

	// UpdatedAt is stored with the position: UTC, whole milliseconds, never
	// zero, years 1 to 9999.
	UpdatedAt time.Time

	// Epoch, unless zero, fences the write. Below the key's fence (the highest
	// epoch ever seen for it, zero at first) the write is refused with outcome
	// Fenced and nothing changes. Otherwise the fence becomes Epoch, in the
	// same step, even if the position is then found to be Stale. A write that
	// Failed leaves the fence as it was. A Rewind raises the fence by one more.
	// A write without an epoch neither reads nor moves the fence, and leaves a
	// checkpoint whose Epoch is zero.
	Epoch uint64

	// LogID, unless empty, is stored with the position. A write without one
	// leaves what is there. It lives and ends with the checkpoint.
	LogID string
}

// Outcome is what became of a Write.
type Outcome uint8

// The outcomes. Those that are answers come with no Err.
const (
	Unknown   Outcome = iota // the write may or may not have landed
	Failed                   // the write is known not to have landed
	Advanced                 // the position was stored
	Unchanged                // the position was there already; expiry and the like were refreshed
	Stale                    // IfNewer: a newer position is stored and stays
	Fenced                   // the write's epoch is below the fence; nothing changed
)

// A Result is what became of one Write.
type Result struct {
	Outcome Outcome
	Epoch   uint64 // the key's fence after the write, for Rewind and for Fenced; else unspecified
	Err     error  // for Failed and Unknown: why
}
