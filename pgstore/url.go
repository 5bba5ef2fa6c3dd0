package pgstore

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// ErrURL says that [Open] cannot use a URL, or cannot use it with the given Options. Open
// has then sent nothing.
var ErrURL = errors.New("it is not the URL of a PostgreSQL")

// A urlError is an [ErrURL] with the text of its reason.
type urlError struct{ error }

func (e urlError) Is(target error) bool { return target == ErrURL }

func (e urlError) Unwrap() error { return e.error }

// parse returns the configuration of a URL, and the options with those that its query
// names.
func parse(rawURL string, opts *Options) (*pgxpool.Config, *Options, error) {
	o := Options{}
	if opts != nil {
		o = *opts
	}
	rest, err := takeOptions(rawURL, &o)
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
	// pgx waits for two minutes, and twice that without TLS.
	if !strings.Contains(rawURL, "connect_timeout") && os.Getenv("PGCONNECT_TIMEOUT") == "" {
		config.ConnConfig.ConnectTimeout = connectTimeout
	}
	return config, &o, nil
}

// connectTimeout is for a server that accepts a connection and does not answer.
const connectTimeout = 10 * time.Second

// ParseURL returns the configuration of the pool that [Open] would make for a URL, and
// opts with their defaults and with the options that the URL names. It sends nothing. If
// the URL cannot be used, the error is [ErrURL].
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

// takeOptions moves the options of this package from the query of a URL to o. A connection
// string of another form has none.
func takeOptions(rawURL string, o *Options) (rest string, err error) {
	if !strings.HasPrefix(rawURL, "postgres://") && !strings.HasPrefix(rawURL, "postgresql://") {
		return rawURL, nil
	}
	text := func(s string) (string, error) { return s, nil }
	before, query, _ := strings.Cut(rawURL, "?")
	var others []string
	for pair := range strings.SplitSeq(query, "&") {
		switch name, value, _ := strings.Cut(pair, "="); name {
		case "schema":
			err = take(name, value, &o.Schema, text)
		case "namespace":
			err = take(name, value, &o.Namespace, text)
		case "no_shortcuts":
			err = take(name, value, &o.NoShortcuts, flag)
		default:
			others = append(others, pair)
		}
		if err != nil {
			return "", err
		}
	}
	if query = strings.Join(others, "&"); query != "" {
		before += "?" + query
	}
	return before, nil
}

// take moves one option to field. If field is set already, both must have the same value.
func take[T comparable](name, value string, field *T, parse func(string) (T, error)) error {
	unescaped, err := url.PathUnescape(value) // a + is a plus here, as in the rest of the query
	if err != nil {
		return fmt.Errorf("pgstore: the %s of the URL: %w", name, err)
	}
	parsed, err := parse(unescaped)
	if err != nil {
		return fmt.Errorf("pgstore: the %s of the URL: %w", name, err)
	}
	if zero := *new(T); *field != zero && *field != parsed {
		return fmt.Errorf("pgstore: the %s is %#v in the URL, and %#v in the options", name, parsed, *field)
	}
	*field = parsed
	return nil
}

func flag(s string) (bool, error) {
	is, err := strconv.ParseBool(s)
	if err != nil {
		err = errors.New("it is neither true nor false")
	}
	return is, err
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
