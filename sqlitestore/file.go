package sqlitestore

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// look reports whether there is a file. It finds the reasons behind SQLite's
// "unable to open database file", and mistakes that SQLite would not see.
func look(path string) (bool, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if _, err := os.Stat(filepath.Dir(path)); err != nil {
			return false, fmt.Errorf("its folder: %w", err)
		}
		if target, err := os.Readlink(path); err == nil {
			return false, fmt.Errorf("it is a link to %s, which is not there", target)
		}
		return false, cmp.Or(checkLeft(resolve(path)), checkFolder(filepath.Dir(path)))
	case err != nil:
		return false, err
	case !info.Mode().IsRegular():
		return false, errors.New("it is not a regular file")
	case info.Size() == 0:
		return false, cmp.Or(checkLeft(resolve(path)), errEmpty)
	}
	resolved := resolve(path)
	return true, cmp.Or(checkNames(resolved, info), checkAccess(resolved))
}

// errEmpty and errZeros: the file of a store is never empty or all zeros, not even while
// it is made. So something has emptied the file.
var (
	errEmpty = errors.New("it is empty (0 bytes), so its content is lost: " +
		"put a copy in its place, or remove it to begin with a new store")
	errZeros = errors.New("it begins with zeros, as after a crash of the machine, so its content is lost: " +
		"put a copy in its place, or remove it to begin with a new store")
)

// zeros reports whether a file that is no database begins with zeros. Never call
// it for a database: closing the file drops all locks of this process on it.
func zeros(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	var header [100]byte // SQLite's
	n, err := io.ReadFull(f, header[:])
	return (err == nil || errors.Is(err, io.ErrUnexpectedEOF)) && bytes.Count(header[:n], []byte{0}) == n
}

// checkLeft refuses to make a file if another file of its name has left a WAL or a rollback
// journal: SQLite would wipe the WAL as a stranger's, and play the journal into the new file.
func checkLeft(path string) error {
	for _, left := range []struct{ suffix, what string }{{"-wal", "WAL"}, {"-journal", "rollback journal"}} {
		info, err := os.Stat(path + left.suffix)
		if err != nil || info.Size() == 0 {
			continue
		}
		if made, err := os.Stat(path); err == nil && made.Size() > 0 {
			return nil // another process has just made it
		}
		return fmt.Errorf("it is missing or empty, but its %s %s holds data: put the file back, or remove the %[1]s",
			left.what, info.Name())
	}
	return nil
}

// A part of the store is one of its files, as it was when it was opened.
type part struct {
	path string
	info os.FileInfo
}

// identify notes which files the store, its WAL and its shared memory are. All
// three are open.
func (d *Driver) identify() error {
	beside := resolve(d.absolute)
	for _, path := range []string{d.absolute, beside + "-wal", beside + "-shm"} {
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		d.parts = append(d.parts, part{path, info})
	}
	d.folder.set(d.parts[1:])
	return nil
}

// errReplaced: if the file is no longer at its path, everything written to it
// is lost with it. If the WAL is no longer at its path, other processes do not
// see it. If the shared memory is not the same, processes do not see each
// other's locks.
var errReplaced = errors.New("the file was removed or replaced while it was open: " +
	"put it back and open the store again; to restore a copy, close every process that uses it first")

// checkIdentity fails if an opened file is no longer at its path. If another file was there
// once, checkIdentity fails for good: a connection to the other file may be left.
func (d *Driver) checkIdentity() error {
	if lost := d.lost.Load(); lost != nil {
		return *lost
	}
	for i := range d.parts {
		if size, ok := d.parts[i].same(); ok && (i > 0 || size > 0) {
			continue
		}
		if err := d.examine(i); err != nil {
			return err
		}
	}
	return nil
}

// checkAgain is checkIdentity. It asks about fewer files if their folder has not changed.
func (d *Driver) checkAgain() error {
	now, same := d.folder.look()
	if same && d.lost.Load() == nil {
		if size, ok := d.parts[0].same(); ok && size > 0 {
			return nil
		}
	}
	if err := d.checkIdentity(); err != nil {
		return err
	}
	d.folder.keep(now)
	return nil
}

// examine says what is wrong with a part.
func (d *Driver) examine(i int) error {
	p := &d.parts[i]
	info, err := os.Stat(p.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	another := err == nil && !os.SameFile(info, p.info)
	if err == nil && !another && (i > 0 || info.Size() > 0) {
		return nil
	}
	err = errReplaced
	if i > 0 {
		err = fmt.Errorf("%s, which is part of the store, was removed or replaced while it was open: "+
			"close every process that uses the store, and open it again", p.path)
	}
	if another {
		d.lost.Store(&err)
	}
	return err
}

var errOvertaken = errors.New("the WAL or the shared memory was replaced while the store was open, and the WAL belongs " +
	"to another process: it was left as it is, and the last writes of this process may be lost")

// overtaken reports whether the WAL may hold another process's writes that this
// process does not know.
func (d *Driver) overtaken() bool {
	file, wal, shm := d.parts[0], d.parts[1], d.parts[2]
	info, err := os.Stat(wal.path)
	return err == nil && info.Size() > 0 && !file.replaced() && (wal.replaced() || shm.replaced())
}

func (p *part) replaced() bool {
	info, err := os.Stat(p.path)
	return err == nil && !os.SameFile(info, p.info)
}
