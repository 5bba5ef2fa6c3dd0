package sqlitestore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// fileSize is zero for a file that is still to be made. Its errors are those
// that SQLite would call "unable to open database file", and those that it
// would not see.
func fileSize(path string) (int64, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if _, err := os.Stat(filepath.Dir(path)); err != nil {
			return 0, fmt.Errorf("its folder: %w", err)
		}
		if target, err := os.Readlink(path); err == nil {
			return 0, fmt.Errorf("it is a link to %s, which is not there", target)
		}
		return 0, checkLog(path)
	case err != nil:
		return 0, err
	case !info.Mode().IsRegular():
		return 0, errors.New("it is not a regular file")
	case info.Size() == 0:
		return 0, checkLog(path)
	}
	return info.Size(), checkAccess(path)
}

// checkLog refuses to make a file to which there is a log already: SQLite would
// take the log for a stranger's, and wipe it.
func checkLog(path string) error {
	log, err := os.Stat(path + "-wal")
	if err != nil || log.Size() == 0 {
		return nil //nolint:nilerr // there is no log
	}
	if info, err := os.Stat(path); err == nil && info.Size() > 0 {
		return nil // another process has just made it
	}
	return fmt.Errorf("it is missing or empty, but its log %s holds data: put the file back, or remove the log", log.Name())
}

// errReplaced: what is written to a file that is not at its path any more is
// lost with it.
var errReplaced = errors.New("the file was removed or replaced while it was open: " +
	"put it back and open the store again; to restore a copy, close every process that uses it first")

// checkIdentity reports whether the file that was opened is still there.
func (d *Driver) checkIdentity() error {
	info, err := os.Stat(d.absolute)
	if err == nil && info.Size() > 0 && os.SameFile(info, d.opened) {
		return nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return errReplaced
}
