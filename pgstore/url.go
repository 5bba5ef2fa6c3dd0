package pgstore

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"
)

// ErrURL says that [Open] cannot use a URL, or cannot use it with its Options. Nothing
// was sent.
var ErrURL = errors.New("it is not the URL of a PostgreSQL")

// A urlError is an [ErrURL] with the text of its reason.
type urlError struct{ error }

func (e urlError) Is(target error) bool { return target == ErrURL }

func (e urlError) Unwrap() error { return e.error }

// parse returns the configuration of a URL, and the options with the schema and the
// namespace that its query names.
func parse(rawURL string, opts *Options) (*pgxpool.Config, *Options, error) {
	o := Options{}
	if opts != nil {
		o = *opts
	}
	rest, err := takePlace(rawURL, &o)
	if err == nil {
		_, err = o.checked()
	}
	if err != nil {
		return nil, nil, urlError{err}
	}
	config, err := pgxpool.ParseConfig(rest)
	if err != nil {
		return nil, nil, urlError{fmt.Errorf("pgstore: %w", err)}
	}
	return config, &o, nil
}

// ParseURL returns the configuration of the pool that [Open] would make for a URL, and
// opts with their defaults and with the schema and the namespace that the URL names. It
// sends nothing. For any other URL the error is [ErrURL].
func ParseURL(url string, opts *Options) (*pgxpool.Config, *Options, error) {
	config, merged, err := parse(url, opts)
	if err != nil {
		return nil, nil, err
	}
	o, err := merged.checked()
	return config, &o, err
}

// choosesMode reports whether a URL says how to send statements.
func choosesMode(url string) bool { return strings.Contains(url, "default_query_exec_mode") }

// takePlace moves the schema and the namespace from the query of a URL to o. A
// connection string of another form has neither.
func takePlace(rawURL string, o *Options) (rest string, err error) {
	if !strings.HasPrefix(rawURL, "postgres://") && !strings.HasPrefix(rawURL, "postgresql://") {
		return rawURL, nil
	}
	before, query, _ := strings.Cut(rawURL, "?")
	var others []string
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		var option *string
		switch name {
		case "schema":
			option = &o.Schema
		case "namespace":
			option = &o.Namespace
		default:
			others = append(others, pair)
			continue
		}
		if value, err = url.PathUnescape(value); err != nil { // a + is a plus here, as in the rest of the query
			return "", fmt.Errorf("pgstore: the %s of the URL: %w", name, err)
		}
		if *option != "" && *option != value {
			return "", fmt.Errorf("pgstore: the %s is %q in the URL, and %q in the options", name, value, *option)
		}
		*option = value
	}
	if query = strings.Join(others, "&"); query != "" {
		before += "?" + query
	}
	return before, nil
}

// MigrateURL returns what [SchemaSQL] returns for the store that a URL names, as [Open]
// takes it. If apply is set, MigrateURL also connects, and does what [Migrate] does.
func MigrateURL(ctx context.Context, url string, opts *Options, apply bool) (sql string, err error) {
	config, opts, err := parse(url, opts)
	if err != nil {
		return "", err
	}
	if apply {
		pool, err := connect(ctx, config, choosesMode(url))
		if err != nil {
			return "", explain(err)
		}
		defer closePool(pool)
		if err := Migrate(ctx, pool, opts); err != nil {
			return "", err
		}
	}
	return SchemaSQL(opts)
}
