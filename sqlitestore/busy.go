package sqlitestore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// A wait bounds how long calls wait for other processes that hold the file locked.
type wait struct {
	path string // of the file
	most time.Duration
}

// whileBusy runs f again while it meets another process's lock, for as long as w
// allows. It replaces SQLite's own wait, which sees no context and has steps of
// up to 100 ms.
func (w wait) whileBusy(ctx context.Context, f func() error) error {
	deadline := time.Now().Add(w.most)
	for n := 0; ; n++ {
		err := f()
		if err == nil || !isBusy(err) {
			return err
		}
		if time.Now().After(deadline) {
			return w.over(err)
		}
		if end := pause(ctx, n); end != nil {
			return w.cutOff(end)
		}
	}
}

// ErrLocked says that another process, or a transaction of this one, kept the file locked
// until the call's context ended, or for longer than Options.BusyTimeout. On Linux the
// error names the process that holds the lock, except if that process is in another
// container.
var ErrLocked = errors.New("another connection keeps it locked")

// over returns the error of a call that has waited for as long as w allows.
func (w wait) over(err error) error {
	return w.locked(fmt.Sprintf(", for longer than %v", w.most), err)
}

// cutOff is the error of a call whose context ended while it waited.
func (w wait) cutOff(end error) error { return w.locked("", end) }

func (w wait) locked(text string, err error) error {
	p, known := lockHolder(resolve(w.path))
	if !known {
		return fmt.Errorf("%w%s: %w", ErrLocked, text, err)
	}
	return &heldError{p, fmt.Errorf("%w%s: %s holds the lock: %w", ErrLocked, text, p, err)}
}

// A process is a process that holds a lock.
type process struct {
	pid     int
	name    string
	stopped bool
}

func (p process) String() string {
	switch {
	case p.pid == os.Getpid():
		return fmt.Sprintf("this process (%d)", p.pid)
	case p.stopped:
		return fmt.Sprintf("process %d (%s, stopped)", p.pid, p.name)
	}
	return fmt.Sprintf("process %d (%s)", p.pid, p.name)
}

// A heldError is an ErrLocked that says what to do about the process.
type heldError struct {
	by  process
	err error
}

func (e *heldError) Error() string { return e.err.Error() }

func (e *heldError) Unwrap() error { return e.err }

func (e *heldError) Hint() string {
	switch {
	case e.by.pid == os.Getpid():
		return "end the transaction that this process has left open"
	case e.by.stopped:
		return fmt.Sprintf("let %s go on (kill -CONT %d), or end it", e.by, e.by.pid)
	}
	return fmt.Sprintf("wait for %s, or end it", e.by)
}

// pause waits before attempt n+1. The pauses grow and are random, so that
// processes that wait for each other do not wait in step.
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
