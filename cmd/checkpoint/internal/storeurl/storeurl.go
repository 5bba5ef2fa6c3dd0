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

// Default is the store if none is named.
const Default = "sqlite:checkpoints.db"

// Help lists the forms of a URL.
const Help = "sqlite:PATH, redis://HOST:PORT/DB?namespace=prod:, rediss:// or unix://"

// ErrNoStore says that there is no file at the path of a store.
var ErrNoStore = errors.New("there is no store")

// ErrUsage says that a URL has none of the forms in Help.
var ErrUsage = errors.New("want " + Help)

// Open opens the store. It makes a missing store file only if create is set: a command
// that only reads must fail, and not find an empty store. The logger receives warnings
// about the store.
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
		// This may be an address without its scheme, and with a password: not a file.
		return nil, fmt.Errorf("the store's URL begins with none of sqlite:, redis://, rediss:// and unix://: %w", ErrUsage)
	case !looksLikeFile(rawURL):
		return nil, fmt.Errorf("%q is neither a URL nor a file; write sqlite:%s for a new file: %w", rawURL, rawURL, ErrUsage)
	}
	return openSQLite(ctx, rawURL, create)
}

// looksLikeFile tells a path from a word that was given by mistake, such as a host.
// Otherwise Open would make an empty store in a new file with that name.
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

// silent keeps go-redis from printing its errors, which it also returns.
type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

// Redact returns the URL without its passwords: the server's, and in a Sentinel's URL
// also the master's, which is in the query.
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
