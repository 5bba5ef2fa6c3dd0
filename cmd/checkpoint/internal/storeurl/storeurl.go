// Package storeurl opens the store that a URL names.
package storeurl

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/redisstore"
	"github.com/checkpointstore/checkpoint/sqlitestore"
)

// Default is the store where none is named.
const Default = "sqlite:checkpoints.db"

// Help says which URLs there are.
const Help = "sqlite:PATH, redis://HOST:PORT/DB?namespace=prod:, rediss:// or unix://"

// ErrNoStore says that there is no file at a path that should be read.
var ErrNoStore = errors.New("there is no store")

// Open opens the store. One in a file is made only where create is set: what
// only reads must not find an empty store where there is none.
func Open(ctx context.Context, rawURL string, create bool) (driver.Driver, error) {
	scheme, rest, ok := strings.Cut(rawURL, ":")
	switch {
	case ok && scheme == "sqlite":
		return openSQLite(ctx, strings.TrimPrefix(rest, "//"), create)
	case ok && (scheme == "redis" || scheme == "rediss" || scheme == "unix"):
		redis.SetLogger(silent{})
		return redisstore.Open(ctx, rawURL, nil)
	case strings.Contains(rawURL, "://"):
		return nil, fmt.Errorf("unknown kind of store %q: want %s", scheme, Help)
	case rawURL == "":
		return nil, fmt.Errorf("the store's URL is empty: want %s", Help)
	}
	return openSQLite(ctx, rawURL, create)
}

// silent keeps go-redis from printing what the returned errors say.
type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

func openSQLite(ctx context.Context, path string, create bool) (driver.Driver, error) {
	if path == "" {
		return nil, fmt.Errorf("the URL names no file: want %s", Help)
	}
	if !create {
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%w at %s", ErrNoStore, path)
		}
	}
	return sqlitestore.Open(ctx, path, nil)
}

// Redact is the URL without its password.
func Redact(rawURL string) string {
	u, err := url.Parse(rawURL)
	if err != nil {
		scheme, _, _ := strings.Cut(rawURL, ":")
		return scheme + ":..."
	}
	return u.Redacted()
}

// HasPassword reports whether a URL shows a password.
func HasPassword(rawURL string) bool {
	u, err := url.Parse(rawURL)
	if err != nil || u.User == nil {
		return false
	}
	_, has := u.User.Password()
	return has
}
