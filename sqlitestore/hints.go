package sqlitestore

import (
	"errors"
	"fmt"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// sayWhatToDo adds a remedy to the error of a file that is damaged, or that cannot grow.
// SQLite says that the disk is full only at ENOSPC. A quota or a limit looks to SQLite like a broken
// disk.
func sayWhatToDo(err error) error {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Code() {
	case sqlite3.SQLITE_CORRUPT:
		return fmt.Errorf("%w; end every process that uses the file, move it away with its -wal, its -shm and its -journal, "+
			"and restore a copy: checkpoint restore", err)
	case sqlite3.SQLITE_FULL:
		return fmt.Errorf("%w; make room on its disk, and the store goes on", err)
	case sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE:
		return fmt.Errorf("%w; it cannot be written: check for a quota, a limit of the file size (ulimit -f) "+
			"and a broken disk", err)
	}
	return err
}
