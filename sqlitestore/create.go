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

// draftMark is in the name of a file that is being made, after the name that it
// will have.
const draftMark = "-new-"

// create makes an empty store at path, or finds that somebody else has made one.
func create(ctx context.Context, w wait, path string) error {
	return publish(path, func(name string) error {
		var made *firstConn
		err := w.whileBusy(ctx, func() (err error) {
			made, err = prepareFile(ctx, name, draft)
			return err
		})
		if err != nil {
			return err
		}
		return made.close() // moves the log into the file
	})
}

// publish lets f make a file under another name, and then gives it the name path,
// so that a crash leaves no file half made. A file that has the name already stays,
// and is no error.
func publish(path string, f func(name string) error) error {
	name := path + draftMark + rand.Text()
	defer func() {
		for _, beside := range []string{"", "-journal", "-wal", "-shm"} {
			_ = os.Remove(name + beside)
		}
	}()
	if err := f(name); err != nil {
		return err
	}
	// Other than a rename, a link never replaces a file that another process has
	// just made.
	err := os.Link(name, path)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("a new file gets its name by a hard link: %w; put it on a disk that has hard links", err)
	}
	return nil
}

// removeDrafts removes the second name of a file that has just been made, or whose
// maker has crashed.
func removeDrafts(path string, info os.FileInfo) {
	entries, _ := os.ReadDir(filepath.Dir(path)) // what is not seen stays a second name
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), filepath.Base(path)+draftMark) {
			continue
		}
		if other, err := entry.Info(); err == nil && os.SameFile(other, info) {
			_ = os.Remove(filepath.Join(filepath.Dir(path), entry.Name()))
		}
	}
}
