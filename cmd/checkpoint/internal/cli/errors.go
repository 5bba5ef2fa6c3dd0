package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/storeurl"
	"github.com/checkpointstore/checkpoint/sqlitestore"
)

// The exit codes.
const (
	exitDone     = 0
	exitFailed   = 1
	exitUsage    = 2
	exitNotFound = 3
	exitStale    = 4
	exitFenced   = 5
)

// usageError is a mistake on the command line.
type usageError struct {
	command string
	err     error
}

func (e usageError) Error() string { return e.err.Error() + "; see: " + e.command + " --help" }

func (e usageError) Unwrap() error { return e.err }

// openError is the error of a store that cannot be opened, or that another
// is copied from.
type openError struct {
	url string
	err error
}

func (e openError) Error() string { return e.err.Error() }

func (e openError) Unwrap() error { return e.err }

// saidError says in its own words what err means.
type saidError struct {
	text string
	err  error
}

func (e saidError) Error() string { return e.text }

func (e saidError) Unwrap() error { return e.err }

var errStale = errors.New("stale")

func exitCode(err error) int {
	switch {
	case errors.As(err, new(usageError)):
		return exitUsage
	case errors.Is(err, checkpoint.ErrNotFound):
		return exitNotFound
	case errors.Is(err, errStale):
		return exitStale
	case errors.Is(err, checkpoint.ErrFenced):
		return exitFenced
	}
	return exitFailed
}

// explain makes one line of an error: the fact, then what to do.
func (a *app) explain(ctx context.Context, err error) string {
	text := strings.ReplaceAll(strings.TrimPrefix(err.Error(), "checkpoint: "), "\n", "; ")
	var timeout timeoutError
	var dial *net.OpError
	switch {
	case errors.Is(err, storeurl.ErrNoStore):
		return text + ": the first write makes one; --store names another"
	case errors.Is(err, sqlitestore.ErrNotOurs):
		return text + "; --store names another"
	case ctx.Err() != nil:
		return "interrupted: " + text
	case errors.As(err, &timeout) && errors.Is(err, sqlitestore.ErrLocked):
		return fmt.Sprintf("another process has kept %s locked for %v; %s--timeout sets another limit",
			a.shownStore(err), timeout.after, followed(checkpoint.Hint(err), "; "))
	case errors.As(err, &timeout):
		return fmt.Sprintf("no answer from %s within %v; --timeout sets another limit", a.shownStore(err), timeout.after)
	case errors.As(err, &dial) && dial.Op == "dial" && dial.Addr != nil:
		return fmt.Sprintf("cannot reach Redis at %s: %s; is the server running? --store names another",
			dial.Addr, bare(dial.Err))
	case hasPrefix(err, "WRONGPASS", "NOAUTH"):
		return text + "; the URL carries them: redis://user:password@host"
	case hasPrefix(err, "MOVED"):
		return text + "; it is a cluster: add cluster=true to the URL's query"
	case errors.Is(err, checkpoint.ErrCorruptCheckpoint) && !errors.Is(err, checkpoint.ErrCorruptFence): // a delete hides that
		return text + "; `checkpoint set` or `checkpoint delete` repairs it"
	}
	if hint := checkpoint.Hint(err); hint != "" {
		return text + "; " + hint
	}
	return text
}

// followed is text and what follows it, or nothing if text is empty.
func followed(text, by string) string {
	if text == "" {
		return ""
	}
	return text + by
}

func (a *app) shownStore(err error) string {
	if e := (openError{}); errors.As(err, &e) {
		return storeurl.Redact(e.url)
	}
	return storeurl.Redact(a.storeName())
}

// bare is a system error without the call that met it.
func bare(err error) error {
	if e := (*os.SyscallError)(nil); errors.As(err, &e) {
		return e.Err
	}
	return err
}

// hasPrefix reports whether a Redis server answered with one of the prefixes.
func hasPrefix(err error, prefixes ...string) bool {
	for _, p := range prefixes {
		if redis.HasErrorPrefix(err, p) {
			return true
		}
	}
	return false
}
