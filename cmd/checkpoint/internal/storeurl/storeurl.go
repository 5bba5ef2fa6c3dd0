// Package storeurl opens the store that a URL names.
package storeurl

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
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

// ErrUsage says that a URL is none of those in Help.
var ErrUsage = errors.New("want " + Help)

// Open opens the store. One in a file is made only where create is set: what
// only reads must not find an empty store if there is none. The logger receives
// warnings about the store.
func Open(ctx context.Context, rawURL string, create bool, logger *slog.Logger) (driver.Driver, error) {
	scheme, rest, ok := strings.Cut(rawURL, ":")
	switch {
	case rawURL == "":
		return nil, fmt.Errorf("the store's URL is empty: %w", ErrUsage)
	case ok && scheme == "sqlite":
		return openSQLite(ctx, strings.TrimPrefix(rest, "//"), create)
	case ok && strings.HasPrefix(rest, "//") && (scheme == "redis" || scheme == "rediss" || scheme == "unix"):
		redis.SetLogger(silent{})
		return redisstore.Open(ctx, rawURL, &redisstore.Options{Logger: logger})
	case ok || strings.ContainsAny(rawURL, "@?"):
		// An address without its scheme, perhaps, and with a password: not a file.
		return nil, fmt.Errorf("the store's URL begins with none of sqlite:, redis://, rediss:// and unix://: %w", ErrUsage)
	case !looksLikeFile(rawURL):
		return nil, fmt.Errorf("%q is neither a URL nor a file; write sqlite:%s for a new file: %w", rawURL, rawURL, ErrUsage)
	}
	return openSQLite(ctx, rawURL, create)
}

// looksLikeFile tells a path from a word that stands there by mistake, such as a
// host. A new file would be made for such a word, and be an empty store.
func looksLikeFile(path string) bool {
	if strings.ContainsRune(path, filepath.Separator) || strings.ContainsRune(path, '/') {
		return true
	}
	switch filepath.Ext(path) {
	case ".db", ".sqlite", ".sqlite3":
		return true
	}
	_, err := os.Stat(path)
	return err == nil
}

func openSQLite(ctx context.Context, path string, create bool) (driver.Driver, error) {
	if err := checkPath(path); err != nil {
		return nil, err
	}
	if !create {
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			if _, err := os.Stat(path + "-wal"); err != nil {
				return nil, fmt.Errorf("%w at %s", ErrNoStore, path)
			}
		}
	}
	return sqlitestore.Open(ctx, path, nil)
}

// silent keeps go-redis from printing what the returned errors say.
type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

// Redact is the URL without its passwords: that of the server, and that of the
// master in the query of a Sentinel's URL.
func Redact(rawURL string) string {
	scheme, rest, ok := strings.Cut(rawURL, ":")
	if scheme == "sqlite" {
		return rawURL
	}
	u, err := url.Parse(rawURL)
	switch at := strings.Count(rawURL, "@"); {
	case at == 0 && !strings.Contains(rest, "?"):
		return rawURL
	case err != nil || at > 1 || at == 1 && (!ok || !strings.HasPrefix(rest, "//") || u.User == nil):
		return scheme + ":..."
	}
	pairs := strings.Split(u.RawQuery, "&")
	shown := true
	for i, pair := range pairs {
		text, err := url.QueryUnescape(pair)
		if err != nil || strings.Contains(strings.ToLower(text), "password") {
			pairs[i], shown = "password=xxxxx", false
		}
	}
	if _, has := u.User.Password(); shown && !has {
		return rawURL
	}
	u.RawQuery = strings.Join(pairs, "&")
	return u.Redacted()
}

// HasPassword reports whether a URL shows a password.
func HasPassword(rawURL string) bool { return Redact(rawURL) != rawURL }
