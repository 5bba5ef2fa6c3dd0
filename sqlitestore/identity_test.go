package sqlitestore

import (
	"errors"
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
	d, path := openEmpty(t)
	mustWrite(t, d, driver.Write{Key: "k", Mark: driver.Mark{UpdatedAt: time.Now().UTC()}})
	_, other := openEmpty(t)
	records, err := read(t.Context(), d, func() ([]driver.Record, error) {
		d.readers.SetMaxIdleConns(0) // drops all
		if err := os.Rename(other, path); err != nil {
			t.Error(err)
		}
		return d.getOne(t.Context(), "k")
	})
	if !errors.Is(err, errReplaced) {
		t.Errorf("Get: %+v, %v; want that the file was replaced", records, err)
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
