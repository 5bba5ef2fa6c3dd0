//go:build unix

package sqlitestore_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/sqlitestore"
)

// TestFileWithTwoNames: under the second name an acknowledged key would be "not
// found", and both owners would get the epoch 1.
func TestFileWithTwoNames(t *testing.T) {
	dir := t.TempDir()
	path, second := filepath.Join(dir, "file.db"), filepath.Join(t.TempDir(), "second.db")
	store := checkpoint.New(openAt(t, path), nil)
	if err := store.Set(t.Context(), "k", checkpoint.Position{Commit: 1}); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(path, second); err != nil {
		t.Skip(err)
	}
	link := filepath.Join(dir, "link.db")
	if err := os.Symlink(second, link); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{path, second, link} {
		d, err := sqlitestore.Open(t.Context(), name, nil)
		if err == nil {
			_, found := checkpoint.New(d, nil).Get(t.Context(), "k")
			d.Close()
			t.Fatalf("Open(%s) of a file with two names is no error; Get: %v", name, found)
		}
		if !strings.Contains(err.Error(), "several names") {
			t.Errorf("Open(%s): %v; want that it has several names", name, err)
		}
		if _, err := os.Stat(second + "-wal"); err == nil {
			t.Error("there is a log under the second name")
		}
	}
	if err := os.Remove(second); err != nil {
		t.Fatal(err)
	}
	if _, err := checkpoint.New(openAt(t, path), nil).Get(t.Context(), "k"); err != nil {
		t.Errorf("Get after the second name is gone: %v", err)
	}
}
