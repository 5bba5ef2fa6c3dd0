package checkpoint

import (
	"errors"
	"strconv"

	"github.com/checkpointstore/checkpoint/driver"
)

// The errors that a caller tells apart with errors.Is. Every error of a Store
// is an [*Error] that wraps one of these, or the engine's own error.
var (
	// ErrNotFound says that there is no checkpoint at the key, or that it has
	// expired. It is never the answer of a store that fails or is damaged.
	ErrNotFound = driver.ErrNotFound

	// ErrFenced says that a write carried an epoch below one that the key has
	// seen: another owner has taken over, or the checkpoint was rewound.
	ErrFenced = driver.ErrFenced

	// ErrLeaseHeld says that another owner holds the lease. The error is a
	// [*LeaseHeldError], which names the owner and when the lease ends.
	ErrLeaseHeld = driver.ErrLeaseHeld

	// ErrNoLeases says that the engine cannot grant leases.
	ErrNoLeases = driver.ErrNoLeases

	// ErrCorrupt says that something is stored at the key that is not a
	// checkpoint. Set, Delete and Rewind repair it; SetIfNewer refuses to guess.
	// A damaged fence is ErrCorrupt as well, to Rewind, Acquire and writes with an
	// epoch, and a damaged lease to Acquire: the error says what repairs it.
	ErrCorrupt = driver.ErrCorrupt

	// ErrInvalidKey says that a key is not 1 to 512 bytes of valid UTF-8
	// without control characters.
	ErrInvalidKey = errors.New("invalid key")

	// ErrInvalidPosition says that a text is not a position.
	ErrInvalidPosition = errors.New("invalid position")

	// ErrClosed says that the Store was closed.
	ErrClosed = driver.ErrClosed
)

// Error is the error of a Store's method. errors.Is and errors.As see through
// it.
type Error struct {
	Op  string // the method, as in log records: "get", "setIfNewer"
	Key string // the key, or "" where the error concerns no single key
	Err error
}

func (e *Error) Error() string {
	if e.Key == "" {
		return "checkpoint: " + e.Op + ": " + e.Err.Error()
	}
	return "checkpoint: " + e.Op + " " + strconv.Quote(e.Key) + ": " + e.Err.Error()
}

func (e *Error) Unwrap() error { return e.Err }
