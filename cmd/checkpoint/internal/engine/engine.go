// Package engine opens the store that a URL names, in one of the engines of a table.
package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/doctor"
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

// WrongURL returns err as an [ErrUsage].
func WrongURL(err error) error { return usageError(err.Error()) }

// NoSchema returns err, which says that tables are missing, with the command that makes
// them.
func NoSchema(err error) error { return &schemaError{err} }

type schemaError struct{ error }

func (e *schemaError) Unwrap() error { return e.error }

func (*schemaError) Hint() string { return "`checkpoint schema --apply` makes them" }

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

	// Check reports on the store at url, and opens it. The error says why it cannot be
	// opened, and wraps [ErrUsage] if the URL is wrong. Nil only if Open is nil.
	Check func(ctx context.Context, url string, r *doctor.Report) (doctor.Opened, error)

	// Schema returns the SQL that makes the tables of the store, and applies it if apply
	// is set. Nil: the engine makes what it needs at the first write.
	Schema func(ctx context.Context, url string, apply bool) (sql string, err error)
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
	e, err := t.row(rawURL)
	if err != nil {
		return nil, err
	}
	return e.Open(ctx, rawURL, create, logger)
}

// Check reports on the store, and opens it, with the engine that [Table.Open] takes.
func (t Table) Check(ctx context.Context, rawURL string, r *doctor.Report) (doctor.Opened, error) {
	e, err := t.row(rawURL)
	if err != nil {
		return doctor.Opened{}, err
	}
	return e.Check(ctx, rawURL, r)
}

// row returns the engine of a URL, which this command is built with.
func (t Table) row(rawURL string) (Engine, error) {
	if rawURL == "" {
		return Engine{}, usagef("the store's URL is empty; want %s", t.Help())
	}
	if e, ok := t.of(rawURL); ok {
		if e.Open == nil {
			return Engine{}, e.missing()
		}
		return e, nil
	}
	if strings.ContainsAny(rawURL, ":@?") || HasPassword(rawURL) {
		// This may be an address without its scheme, and with a password: not a file.
		return Engine{}, usagef("the store's URL begins with none of the known schemes; want %s", t.Help())
	}
	if !looksLikeFile(rawURL) {
		return Engine{}, usagef("%q is neither a URL nor a file; write sqlite:%s for a new file, or one of %s",
			rawURL, rawURL, t.Help())
	}
	return SQLite, nil
}

// Schema returns the SQL that makes the tables of the store, and applies it if apply is
// set.
func (t Table) Schema(ctx context.Context, rawURL string, apply bool) (string, error) {
	e, ok := t.of(rawURL)
	switch {
	case ok && e.Open == nil:
		return "", e.missing()
	case !ok || e.Schema == nil:
		return "", usagef("%s makes what it needs at the first write, and has no schema to apply", t.Name(rawURL))
	}
	return e.Schema(ctx, rawURL, apply)
}

// Name is the name of the engine that rawURL names, or "the store".
func (t Table) Name(rawURL string) string {
	if e, ok := t.of(rawURL); ok {
		return e.Name
	}
	return "the store"
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

func (e Engine) missing() error {
	return usagef("this command is built without %s; use the command with all engines, "+
		"which `go install ./checkpoint` makes in the folder cmd/checkpoint/full", e.Name)
}
