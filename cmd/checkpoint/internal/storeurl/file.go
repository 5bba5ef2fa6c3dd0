package storeurl

import (
	"errors"
	"fmt"
	"strings"
)

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
	return path, checkPath(path)
}

func checkPath(path string) error {
	if path == "" {
		return fmt.Errorf("the URL names no file: %w", ErrUsage)
	}
	if _, query, ok := strings.Cut(path, "?"); ok {
		return fmt.Errorf("sqlite: takes a path and nothing else, not %q: %w", query, ErrUsage)
	}
	return nil
}
