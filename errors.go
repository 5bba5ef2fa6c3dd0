package checkpoint

import (
	"errors"
	"strconv"

	"github.com/checkpointstore/checkpoint/driver"
)

// Errors to test for with errors.Is. Every error of a Store is an [*Error]. It wraps one
// of these, the engine's own error or the cause of the context's end, or it says what is
// wrong with an argument.
var (
	// ErrNotFound says that there is no checkpoint at the key, or that it has expired.
	// A store that fails or is damaged never returns it.
	ErrNotFound = driver.ErrNotFound

	// ErrFenced says that a write or a renewal carried an epoch below one that the key has
	// seen. Somebody has acquired the lease, rewound the checkpoint, raised the fence, or
	// written with a higher epoch.
	ErrFenced = driver.ErrFenced

	// ErrLeaseHeld says that another owner holds the lease. The error wraps a
	// [*LeaseHeldError], which names the owner and says when the lease ends.
	ErrLeaseHeld = driver.ErrLeaseHeld

	// ErrUnsupported says that the engine lacks an ability. ErrNoLeases is an
	// ErrUnsupported.
	ErrUnsupported = driver.ErrUnsupported

	// ErrNoLeases says that the engine cannot grant leases.
	ErrNoLeases = driver.ErrNoLeases

	// ErrEpochExhausted says that the key's fence is at the largest epoch there is
	// and cannot be raised.
	ErrEpochExhausted = driver.ErrEpochExhausted

	// ErrCorrupt says that something that is stored for the key is damaged: the
	// checkpoint, the fence, the lease or the history. Each of the next four errors is an
	// ErrCorrupt. [Hint] returns the remedy.
	ErrCorrupt = driver.ErrCorrupt

	// ErrCorruptCheckpoint says that the value at the key cannot be read as a
	// checkpoint. Set and Rewind replace the value, and Delete removes it. SetIfNewer
	// has nothing to compare with, and fails with this error.
	ErrCorruptCheckpoint = driver.ErrCorruptCheckpoint

	// ErrCorruptFence says that the fence, which records the highest epoch that the key
	// has seen, cannot be read, or is below an epoch that is stored for the key. Rewind,
	// Acquire and writes with an epoch fail with this error. If the fence cannot be read,
	// Renew and Revoke fail with it, too. [Store.Fence] repairs the fence.
	ErrCorruptFence = driver.ErrCorruptFence

	// ErrCorruptLease says that the lease is damaged: nobody can tell whether it still
	// holds. Acquire fails with this error, unless the lease still names the owner that
	// asks. [Store.Revoke] repairs the lease.
	ErrCorruptLease = driver.ErrCorruptLease

	// ErrCorruptHistory says that an audit entry or a sample cannot be read. History or
	// Samples fail with this error. The key itself may be sound, and its consumer goes on.
	ErrCorruptHistory = driver.ErrCorruptHistory

	// ErrInvalidKey says that a key is not 1 to 512 bytes of valid UTF-8
	// without control characters.
	ErrInvalidKey = errors.New("invalid key")

	// ErrInvalidPosition says that a text is not a position.
	ErrInvalidPosition = driver.ErrInvalidPosition

	// ErrClosed says that the Store was closed.
	ErrClosed = driver.ErrClosed
)

// Hint returns the remedy that err carries, or "" if it carries none. The remedy is one
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
