package sqlitestore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// whileBusy runs f until it meets no lock of another process, for as long as
// timeout. SQLite's own wait, which it replaces, sees no context and has steps
// of up to 100 ms.
func whileBusy(ctx context.Context, timeout time.Duration, f func() error) error {
	deadline := time.Now().Add(timeout)
	for n := 0; ; n++ {
		err := f()
		if err == nil || !isBusy(err) {
			return err
		}
		if time.Now().After(deadline) {
			return lockedFor(timeout, err)
		}
		if err := pause(ctx, n); err != nil {
			return fmt.Errorf("%w: %w", ErrLocked, err)
		}
	}
}

// ErrLocked is the error of a call that another process kept waiting for longer
// than the call's context, or Options.BusyTimeout, allows.
var ErrLocked = errors.New("another process keeps it locked")

func lockedFor(timeout time.Duration, err error) error {
	return fmt.Errorf("%w, for longer than %v: %w", ErrLocked, timeout, err)
}

// pause waits before attempt n+1, longer each time, and by chance: processes
// that wait for each other must not do so in step.
func pause(ctx context.Context, n int) error {
	most := min(100*time.Microsecond<<min(n, 10), 10*time.Millisecond)
	timer := time.NewTimer(most/2 + rand.N(most))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func isBusy(err error) bool { return primaryCode(err) == sqlite3.SQLITE_BUSY }

// primaryCode is SQLite's result code without its extension, or 0.
func primaryCode(err error) int {
	if e := (*sqlite.Error)(nil); errors.As(err, &e) {
		return e.Code() & 0xff
	}
	return 0
}
