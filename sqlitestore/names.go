package sqlitestore

import (
	"errors"
	"os"
)

// checkNames refuses a file that has a second name. SQLite names the WAL after the
// file, so each name would have its own WAL, and the users of the other name would
// not see it.
func checkNames(path string, info os.FileInfo) error {
	if hasNames(path, info) {
		removeDrafts(path, info)
		if info, err := os.Stat(path); err == nil && hasNames(path, info) {
			return errNames
		}
	}
	if mountedAlone(path) {
		return errors.New("it is mounted without its folder, so a process that reaches it by another name does not see its WAL: " +
			"mount its folder")
	}
	return nil
}

var errNames = errors.New("it has several names (hard links), and each of them would have a WAL of its own: " +
	"end every process that uses it, keep the name that has a WAL (-wal) beside it, and remove the other names")
