package driver

import (
	"errors"
	"fmt"
)

// Errors that a driver wraps and a Store passes on. Package checkpoint exports
// them under the same names.
var (
	// ErrNotFound says that there is no checkpoint at the key, or that it has expired.
	// A store that fails or is damaged never returns it.
	ErrNotFound = errors.New("not found")

	// ErrClosed says that the store was closed.
	ErrClosed = errors.New("store is closed")

	// ErrCorrupt says that something that is stored for the key is damaged: the
	// checkpoint, the fence, the lease or the history. Each of the next four errors is an
	// ErrCorrupt, and has a [Hint].
	ErrCorrupt = errors.New("damaged")

	ErrCorruptCheckpoint error = &damageError{
		"stored checkpoint is damaged", "look at what is stored; Set and Rewind replace it, Delete removes it",
	}
	ErrCorruptFence error = &damageError{
		"stored fence is damaged", "raise the fence to the highest epoch that was in use",
	}
	ErrCorruptLease error = &damageError{
		"stored lease is damaged", "stop the lease's owner, then revoke the lease",
	}
	ErrCorruptHistory error = &damageError{
		"stored history is damaged",
		"remove the damaged audit entry or sample with the engine's own tool, as the engine's page in docs/ says",
	}

	// ErrFenced says that a write or a renewal carried an epoch below one that the
	// key has seen.
	ErrFenced = errors.New("fenced: the key has seen a newer epoch")

	// ErrEpochExhausted says that the key's fence is at the largest epoch there is
	// and cannot be raised.
	ErrEpochExhausted error = exhaustedError{}

	// ErrLeaseHeld says that another owner holds the lease. The error is a
	// [*LeaseHeldError].
	ErrLeaseHeld = errors.New("lease is held by another owner")

	// ErrUnsupported says that the engine lacks an ability.
	ErrUnsupported = errors.New("the engine cannot do this")

	// ErrNoLeases says that the engine cannot grant leases. It is an
	// ErrUnsupported.
	ErrNoLeases = fmt.Errorf("%w: it has no leases", ErrUnsupported)
)

// A damageError is an ErrCorrupt that says what is damaged, with the remedy.
type damageError struct{ text, hint string }

func (e *damageError) Error() string { return e.text }

func (e *damageError) Hint() string { return e.hint }

func (e *damageError) Is(target error) bool { return target == ErrCorrupt }

type exhaustedError struct{}

func (exhaustedError) Error() string {
	return "the fence is at the highest epoch there is and cannot be raised"
}

func (exhaustedError) Hint() string {
	return "nothing unlocks the key: copy its position to a new key, and let the consumer use that key"
}

// DamagedCheckpoint returns an [ErrCorruptCheckpoint] that says what is wrong.
func DamagedCheckpoint(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrCorruptCheckpoint, fmt.Sprintf(format, args...))
}

// DamagedFence returns an [ErrCorruptFence] that says what is wrong.
func DamagedFence(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrCorruptFence, fmt.Sprintf(format, args...))
}

// DamagedLease returns an [ErrCorruptLease] that says what is wrong.
func DamagedLease(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrCorruptLease, fmt.Sprintf(format, args...))
}

// DamagedHistory returns an [ErrCorruptHistory] that says what is wrong.
func DamagedHistory(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrCorruptHistory, fmt.Sprintf(format, args...))
}

// Hint returns the remedy that err carries, or "" if it carries none. It calls the
// method Hint() string of the first error in err's tree that has one.
func Hint(err error) string {
	if h, ok := errors.AsType[interface {
		error
		Hint() string
	}](err); ok {
		return h.Hint()
	}
	return ""
}
