package sqlitestore

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// draftMark follows the future name of a file while the file is being made.
const draftMark = "-new-"

// create makes an empty store at path, or finds that somebody else has made one.
func create(ctx context.Context, w wait, path string) error {
	return withDraft(path, func(name string) error {
		var made *firstConn
		err := w.whileBusy(ctx, func() (err error) {
			made, err = prepareFile(ctx, name, draft)
			return err
		})
		if err != nil {
			return err
		}
		if err := made.close(); err != nil { // close moves the WAL into the file
			return err
		}
		if err := publish(name, path); !errors.Is(err, fs.ErrExist) {
			return err
		}
		return nil
	})
}

// withDraft lets f make a file beside path. So a crash never leaves a half-made
// file at path itself. When f returns, withDraft removes the draft's own name.
func withDraft(path string, f func(name string) error) error {
	name := path + draftMark + rand.Text()[:10]
	defer func() {
		for _, beside := range []string{"", "-journal", "-wal", "-shm"} {
			_ = os.Remove(name + beside)
		}
	}()
	return f(name)
}

// publish gives a draft the name path. If a file has the name already, that file
// stays, and the error is [fs.ErrExist]. publish links and does not rename,
// since a link never replaces a file that another process has just made.
func publish(name, path string) error {
	err := os.Link(name, path)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("a new file gets its name by a hard link: %w; put it on a disk that has hard links", err)
	}
	return err
}

// removeDrafts removes the second name of a file that has just been made, or whose
// maker has crashed.
func removeDrafts(path string, info os.FileInfo) {
	entries, _ := os.ReadDir(filepath.Dir(path)) // an unlisted draft keeps its second name
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), filepath.Base(path)+draftMark) {
			continue
		}
		if other, err := entry.Info(); err == nil && os.SameFile(other, info) {
			_ = os.Remove(filepath.Join(filepath.Dir(path), entry.Name()))
		}
	}
}
