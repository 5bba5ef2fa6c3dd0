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

	// ErrUnsupported says that the engine lacks an ability. ErrNoLeases is one.
	ErrUnsupported = driver.ErrUnsupported

	// ErrNoLeases says that the engine cannot grant leases.
	ErrNoLeases = driver.ErrNoLeases

	// ErrEpochExhausted says that the key's fence is at the largest epoch there is
	// and cannot be raised.
	ErrEpochExhausted = driver.ErrEpochExhausted

	// ErrCorrupt says that something stored for the key is damaged: each of the
	// next three errors is an ErrCorrupt. [Hint] returns what repairs it.
	ErrCorrupt = driver.ErrCorrupt

	// ErrCorruptCheckpoint says that something is stored at the key that is not a
	// checkpoint. Set, Delete and Rewind repair it; SetIfNewer refuses to guess.
	ErrCorruptCheckpoint = driver.ErrCorruptCheckpoint

	// ErrCorruptFence says that the record of the highest epoch is damaged, or was
	// lowered. Rewind, Acquire, Renew and writes with an epoch fail with it.
	// [Store.Fence] repairs it.
	ErrCorruptFence = driver.ErrCorruptFence

	// ErrCorruptLease says that nobody can tell whether the lease still holds.
	// Acquire fails with it. [Store.Revoke] repairs it.
	ErrCorruptLease = driver.ErrCorruptLease

	// ErrInvalidKey says that a key is not 1 to 512 bytes of valid UTF-8
	// without control characters.
	ErrInvalidKey = errors.New("invalid key")

	// ErrInvalidPosition says that a text is not a position.
	ErrInvalidPosition = driver.ErrInvalidPosition

	// ErrClosed says that the Store was closed.
	ErrClosed = driver.ErrClosed
)

// Hint returns the remedy that err carries, or "" if it carries none. It is one
// sentence without a period, for people.
func Hint(err error) string { return driver.Hint(err) }

// Error is the error of a Store's method. errors.Is and errors.As see through
// it.
type Error struct {
	Op  string // the method, as in log records: "get", "setIfNewer"
	Key string // the key, or "" if the error concerns no single key
	Err error
}

func (e *Error) Error() string {
	if e.Key == "" {
		return "checkpoint: " + e.Op + ": " + e.Err.Error()
	}
	return "checkpoint: " + e.Op + " " + strconv.Quote(e.Key) + ": " + e.Err.Error()
}

func (e *Error) Unwrap() error { return e.Err }
