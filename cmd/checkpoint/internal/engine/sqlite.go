package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/sqlitestore"
)

// SQLite is the embedded engine.
var SQLite = Engine{Name: "SQLite", Prefixes: []string{"sqlite:"}, Form: "sqlite:PATH", Open: openSQLite, Check: checkSQLite}

func openSQLite(ctx context.Context, rawURL string, create bool, _ *slog.Logger) (driver.Driver, error) {
	path, err := File(rawURL)
	if err != nil {
		return nil, err
	}
	if !create {
		// What a file has left holds data: Open refuses it.
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) && sizeOf(path+"-wal")+sizeOf(path+"-journal") == 0 {
			return nil, fmt.Errorf("%w at %s", ErrNoStore, path)
		}
	}
	return sqlitestore.Open(ctx, path, nil)
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

// ErrNoFile says that a store is not in a file.
var ErrNoFile = errors.New("the store is not in a file: use its server's own backup, or `checkpoint export` and `checkpoint import`")

// File is the path of the file that rawURL names.
func File(rawURL string) (string, error) {
	path := rawURL
	if scheme, rest, ok := strings.Cut(rawURL, ":"); ok {
		if scheme != "sqlite" {
			return "", ErrNoFile
		}
		path = strings.TrimPrefix(rest, "//")
	}
	if path == "" {
		return "", usagef("the URL names no file; want sqlite:PATH")
	}
	if _, query, ok := strings.Cut(path, "?"); ok {
		return "", usagef("sqlite: takes a path and nothing else, not %q", query)
	}
	return path, nil
}
