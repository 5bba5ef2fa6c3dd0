//go:build unix

package sqlitestore

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

const mayWrite = 2 // W_OK

// checkAccess refuses a file that this user may not write. To read it, SQLite
// would create the WAL and the shared memory. The file's owner might then not
// be able to write them.
func checkAccess(path string) error {
	for _, name := range []string{path, filepath.Dir(path)} {
		if err := syscall.Access(name, mayWrite); err != nil {
			return fmt.Errorf("%s cannot be written (%w), and even a reader must write it: use its owner's account", name, err)
		}
	}
	return nil
}

// checkFolder says why no file can be made in a folder.
func checkFolder(folder string) error {
	if err := syscall.Access(folder, mayWrite); err != nil {
		return fmt.Errorf("its folder %s cannot be written (%w): choose another folder, or use the account of the folder's owner", folder, err)
	}
	return nil
}

// resolve follows links. SQLite does so, too, before it names the WAL and the
// shared memory.
func resolve(path string) string {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		return target
	}
	return path
}

// syncFolder makes a new name durable.
func syncFolder(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
