package cli

import (
	"context"
	"errors"
	"net/url"
	"syscall"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/doctor"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/doubt"
)

// The exit codes.
const (
	exitDone     = 0
	exitFailed   = 1
	exitUsage    = 2
	exitNotFound = 3
	exitStale    = 4
	exitFenced   = 5
	exitWarned   = 6
	exitSignal   = 128 // and the signal's number, as in a shell
)

// An SignalError is the cause of a context that a signal ended.
type SignalError struct{ Signal syscall.Signal }

func (e SignalError) Error() string { return e.Signal.String() }

// usageError is a mistake on the command line.
type usageError struct {
	command string
	err     error
}

func (e usageError) Error() string { return e.err.Error() + "; see: " + e.command + " --help" }

func (e usageError) Unwrap() error { return e.err }

// openError is an error of the store at url: it cannot be opened, or cannot be copied
// from.
type openError struct {
	url string
	err error
}

func (e openError) Error() string { return e.err.Error() }

func (e openError) Unwrap() error { return e.err }

// saidError replaces the text of err by its own.
type saidError struct {
	text string
	err  error
}

func (e saidError) Error() string { return e.text }

func (e saidError) Unwrap() error { return e.err }

// partError is an error of a command that has done a part of its work. An explanation replaces
// err alone: the command always prints before and after.
type partError struct {
	before string
	err    error
	after  string
}

func (e partError) Error() string { return e.before + e.err.Error() + e.after }

func (e partError) Unwrap() error { return e.err }

// Where a person sees whether a change was made.
const (
	byHistory = "`checkpoint history KEY`"
	byStatus  = "`checkpoint status KEY`"
	byGet     = "`checkpoint get KEY`"
	byGroup   = "`checkpoint group describe GROUP`"
)

const changed = "the change may have been made"

// changeError is the error of a change. If the change may have been made all the same, the
// error says so in these words, and where to look.
func (a *app) changeError(err error, words, where string) error {
	if doubt.MayBeMade(err) || doubt.NotSent(err) && a.inCluster() {
		return partError{err: err, after: "; " + words + ": " + where + " says so"}
	}
	return err
}

// inCluster reports whether the store is a Redis Cluster. Its client sends a command again
// after a connection that was refused, and reports the first error if it fails again.
func (a *app) inCluster() bool {
	u, err := url.Parse(a.storeName())
	return err == nil && u.Query().Get("cluster") == "true"
}

// atLeast stands before the number of changes that were made before the one that failed
// with err, if this one may have been made, too.
func atLeast(err error) string {
	if errors.As(err, new(partError)) {
		return "at least "
	}
	return ""
}

var errStale = errors.New("stale")

func exitCode(ctx context.Context, err error) int {
	var signal SignalError
	switch {
	case errors.As(context.Cause(ctx), &signal):
		return exitSignal + int(signal.Signal)
	case errors.As(err, new(usageError)):
		return exitUsage
	case errors.Is(err, checkpoint.ErrNotFound):
		return exitNotFound
	case errors.Is(err, errStale):
		return exitStale
	case errors.Is(err, checkpoint.ErrFenced):
		return exitFenced
	case errors.Is(err, doctor.ErrWarn):
		return exitWarned
	}
	return exitFailed
}
