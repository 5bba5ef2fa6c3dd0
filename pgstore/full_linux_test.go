package pgstore_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/internal/pgtest"
	"github.com/checkpointstore/checkpoint/pgstore"
)

// A full disk fails a write, of which nothing lands. What was acknowledged stays, and the
// same driver goes on when there is room.
func TestFullDisk(t *testing.T) {
	disk := smallDisk(t, "16m")
	server := pgtest.Start(t)
	server.SQL("postgres", "CREATE TABLESPACE small LOCATION '"+filepath.Join(disk, "space")+"'")
	server.SQL("postgres", "CREATE DATABASE small TABLESPACE small")
	d := open(t, server.URL("small"), &pgstore.Options{AutoMigrate: true})
	ballast := fill(t, disk)
	written := 0
	long := strings.Repeat("k", 400)
	for ; ; written++ {
		w := ifNewer(fmt.Sprint(long, written), 1)
		if written%2 == 1 {
			w.Mode = driver.Set
		}
		r := write(t.Context(), d, w)
		if r.Err != nil {
			failed(t, r, "disk of the server is full", "make room")
			break
		}
		if written > 100_000 {
			t.Fatal("the disk is never full")
		}
	}
	for i := range written {
		stays(t, d, fmt.Sprint(long, i))
	}
	if r, err := d.Get(t.Context(), []string{fmt.Sprint(long, written)}); err != nil || r[0].Err == nil {
		t.Errorf("what has failed is there: %v, %v", r, err)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	put(t, d, fmt.Sprint(long, written), 1)
}

// smallDisk mounts a file system of a size, which PostgreSQL may use at space.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root can mount a small disk")
	}
	disk, err := os.MkdirTemp("", "disk") //nolint:usetesting // a TempDir is closed to the server
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(disk) })
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "mode=755,size="+size); err != nil {
		t.Skipf("no small disk can be mounted: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(disk, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	space := filepath.Join(disk, "space")
	if err := os.Mkdir(space, 0o700); err != nil {
		t.Fatal(err)
	}
	const nobody = 65534 // who runs the server
	if err := os.Chown(space, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(disk, 0o755); err != nil {
		t.Fatal(err)
	}
	return disk
}

// fill writes a file until the disk is full, and returns its name.
func fill(t *testing.T, disk string) string {
	t.Helper()
	file, err := os.Create(filepath.Join(disk, "ballast"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for err == nil {
		_, err = file.Write(make([]byte, 4096))
	}
	return file.Name()
}
