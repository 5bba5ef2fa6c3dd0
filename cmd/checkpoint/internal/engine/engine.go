// Package engine opens the store that a URL names, in one of the engines of a table.
package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/checkpointstore/checkpoint/driver"
)

// Default is the store if none is named.
const Default = "sqlite:checkpoints.db"

// ErrNoStore says that there is no file at the path of a store.
var ErrNoStore = errors.New("there is no store")

// ErrUsage is what an error is if the URL has none of the forms of the table.
var ErrUsage = errors.New("no store has such a URL")

// A usageError is an [ErrUsage] with a text of its own.
type usageError string

func usagef(format string, args ...any) error { return usageError(fmt.Sprintf(format, args...)) }

func (e usageError) Error() string { return string(e) }

// Is makes errors.Is(err, ErrUsage) true.
func (usageError) Is(target error) bool { return target == ErrUsage }

// An Engine is one row of a [Table].
type Engine struct {
	Name     string   // as people write it
	Prefixes []string // with one of which its URLs begin
	Form     string   // of its URLs, for help

	// Open opens the store. It makes a missing store only if create is set: a command
	// that only reads must fail, and not find an empty store. The logger receives
	// warnings about the store. The error wraps [ErrUsage] if the URL is wrong. Nil: this
	// command is built without the engine.
	Open func(ctx context.Context, url string, create bool, logger *slog.Logger) (driver.Driver, error)
}

// A Table is the engines that a command knows.
type Table []Engine

// Help lists the forms of a URL.
func (t Table) Help() string {
	var forms []string
	for _, e := range t {
		if e.Open != nil {
			forms = append(forms, e.Form)
		}
	}
	return strings.Join(forms, ", ")
}

// Open opens the store with the engine of the URL's scheme. A path without a scheme is
// that of an SQLite file.
func (t Table) Open(ctx context.Context, rawURL string, create bool, logger *slog.Logger) (driver.Driver, error) {
	if rawURL == "" {
		return nil, usagef("the store's URL is empty; want %s", t.Help())
	}
	if e, ok := t.of(rawURL); ok {
		return e.open(ctx, rawURL, create, logger)
	}
	if strings.ContainsAny(rawURL, ":@?") {
		// This may be an address without its scheme, and with a password: not a file.
		return nil, usagef("the store's URL begins with none of the known schemes; want %s", t.Help())
	}
	if !looksLikeFile(rawURL) {
		return nil, usagef("%q is neither a URL nor a file; write sqlite:%s for a new file, or one of %s",
			rawURL, rawURL, t.Help())
	}
	return openSQLite(ctx, rawURL, create, logger)
}

// Name is the name of the engine that rawURL names, or "the server".
func (t Table) Name(rawURL string) string {
	if e, ok := t.of(rawURL); ok {
		return e.Name
	}
	return "the server"
}

func (t Table) of(rawURL string) (Engine, bool) {
	for _, e := range t {
		for _, prefix := range e.Prefixes {
			if strings.HasPrefix(rawURL, prefix) {
				return e, true
			}
		}
	}
	return Engine{}, false
}

func (e Engine) open(ctx context.Context, url string, create bool, logger *slog.Logger) (driver.Driver, error) {
	if e.Open == nil {
		return nil, usagef("this command is built without %s; use the command with all engines, "+
			"which `go install ./checkpoint` makes in the folder cmd/checkpoint/full", e.Name)
	}
	return e.Open(ctx, url, create, logger)
}
