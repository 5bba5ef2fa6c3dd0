package sqlitestore

import (
	"errors"
	"os"
)

// checkNames refuses a file that has a second name. SQLite names the log after the
// file, so each name would have its own log, and the users of the other name would
// not see it.
func checkNames(path string, info os.FileInfo) error {
	if hasNames(path, info) {
		removeDrafts(path, info)
		if info, err := os.Stat(path); err == nil && hasNames(path, info) {
			return errNames
		}
	}
	if mountedAlone(path) {
		return errors.New("it is mounted without its folder, so a process that reaches it by another name does not see its log: " +
			"mount the folder that holds it")
	}
	return nil
}

var errNames = errors.New("it has several names (hard links), and each of them would have a log of its own: " +
	"close every process that uses it, keep the name that has a log (-wal) beside it, and remove the others")
