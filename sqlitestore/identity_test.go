package sqlitestore

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
)

// TestLogStaysWhileTheStoreIsOpen: SQLite drops a connection whose call was cut
// off, and with the last one the log, which would then look removed.
func TestLogStaysWhileTheStoreIsOpen(t *testing.T) {
	made, target := openEmpty(t)
	if err := made.Close(); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "link.db")
	if err := os.Symlink(target, link); err != nil {
		t.Skip(err)
	}
	for _, path := range []string{target, link} {
		d, err := Open(t.Context(), path, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		d.readers.SetMaxIdleConns(0) // drops all
		if _, err := os.Stat(target + "-wal"); err != nil {
			t.Error(err)
		}
		mustWrite(t, d, driver.Write{Key: "k", Mark: driver.Mark{UpdatedAt: time.Now().UTC()}})
		if records, err := d.Get(t.Context(), []string{"k"}); err != nil || records[0].Err != nil {
			t.Errorf("Get: %+v, %v", records, err)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(target + "-wal"); err == nil {
			t.Error("the log is left when the store is closed")
		}
	}
}

// TestFileReplacedWithinARead: a connection that is opened after the file was
// replaced reads the other one, in which nothing is.
func TestFileReplacedWithinARead(t *testing.T) {
	for _, noShortcuts := range []bool{true, false} {
		t.Run(fmt.Sprint("no shortcuts: ", noShortcuts), func(t *testing.T) { replaceWithinARead(t, noShortcuts) })
	}
}

func replaceWithinARead(t *testing.T, noShortcuts bool) {
	t.Helper()
	made, path := openEmpty(t)
	mustWrite(t, made, driver.Write{Key: "k", Mark: driver.Mark{UpdatedAt: time.Now().UTC()}})
	made.Close() // moves the log into the file
	d, err := Open(t.Context(), path, &Options{NoShortcuts: noShortcuts})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	d.fast.worthwhile() // from now on
	empty, other := openEmpty(t)
	empty.Close()
	rename := func(from, to string) {
		if err := os.Rename(from, to); err != nil {
			t.Error(err)
		}
	}
	records, err := read(t.Context(), d, func() ([]driver.Record, error) {
		d.readers.SetMaxIdleConns(0) // drops all
		d.readers.SetMaxIdleConns(1)
		rename(path, path+"-away")
		rename(other, path)
		return d.getOne(t.Context(), "k")
	})
	if !errors.Is(err, errReplaced) {
		t.Errorf("Get: %+v, %v; want that the file was replaced", records, err)
	}
	// A connection to the other file is left, in which there is no "k".
	rename(path, other)
	rename(path+"-away", path)
	for range 2 * maxReaders() {
		if records, err := d.Get(t.Context(), []string{"k"}); !errors.Is(err, errReplaced) {
			t.Fatalf("Get after the file was put back: %+v, %v; want that the file was replaced", records, err)
		}
	}
}

// TestConnectionToAnotherFile: a connection tells that its path names another file than it has
// opened.
func TestConnectionToAnotherFile(t *testing.T) {
	d, path := openEmpty(t)
	c, err := openFast(dsn(path, "mode=rw"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	if c.moved() {
		t.Error("moved is true, and the file is in its place")
	}
	_, other := openEmpty(t)
	if err := os.Rename(other, path); err != nil {
		t.Fatal(err)
	}
	if !c.moved() {
		t.Error("moved is false, and there is another file in the place of the opened one")
	}
	if _, err := d.fast.opened(nil); !errors.Is(err, errReplaced) {
		t.Errorf("a connection to the other file opens: %v", err)
	}
	if _, err := openFast(dsn(other, "mode=rw")); err == nil {
		t.Error("a connection to no file opens")
	}
}

func openEmpty(t *testing.T) (d *Driver, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "checkpoints.db")
	d, err := Open(t.Context(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d, path
}
