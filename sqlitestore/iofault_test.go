//go:build unix

package sqlitestore_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	sqlite3 "modernc.org/sqlite/lib"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/sqlitestore"
)

const allCalls = callWrite | callSync | callTruncate | callShare

var diskFaults = []fault{
	{name: "full", code: sqlite3.SQLITE_FULL, torn: true, calls: callWrite | callShare},
	{name: "broken", calls: allCalls},
	{name: "broken for a moment", calls: allCalls, once: true, torn: true},
	{name: "loses what it should sync", calls: callSync},
}

// TestFailingDisk lets each call to the disk fail in turn. What was acknowledged
// is there, what was reported as failed is not, and once the disk works the same
// store does.
func TestFailingDisk(t *testing.T) {
	failingVFS(t)
	_, path := newStore(t)
	empty, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range diskFaults {
		t.Run(f.name, func(t *testing.T) {
			dir, n := t.TempDir(), 0
			var w *world
			for met := true; met; {
				n++
				if n <= beginning {
					if w != nil {
						w.closeFailing(t, &f)
					}
					path := filepath.Join(dir, fmt.Sprint(n))
					write(t, path, string(empty))
					w = newWorld(t, path)
				}
				met = w.failAt(t, &f, n)
			}
			w.closeFailing(t, &f)
			if n < 8 {
				t.Fatalf("it failed at %d calls: this proves nothing", n-1)
			}
			t.Logf("%d calls", n-1)
		})
	}
}

// beginning is how many calls are made only while a log is begun. Each of them
// needs a new file.
const beginning = 6

// failAt lets the n-th call of some work fail, and reports whether there was one.
func (w *world) failAt(t *testing.T, f *fault, n int) bool {
	t.Helper()
	disk.arm(f, n)
	err := w.work(t.Context())
	if err == nil {
		err = w.read(t.Context())
	}
	met := disk.disarm()
	if err != nil {
		t.Fatalf("call %d fails: %v", n, err)
	}
	if err := w.check(t.Context(), w.store, "right after it"); err != nil {
		t.Fatalf("call %d failed: %v", n, err)
	}
	// What a process leaves behind that dies now.
	w.checkCopy(t, fmt.Sprintf("call %d failed, and a crash", n))
	failures := w.failures
	if err := w.work(t.Context()); err != nil || w.failures > failures {
		t.Fatalf("call %d failed, and now the disk works: %d failures, %v", n, w.failures-failures, err)
	}
	return met
}

// closeFailing closes the store while the disk fails, and opens it once more.
func (w *world) closeFailing(t *testing.T, f *fault) {
	t.Helper()
	disk.arm(f, 1)
	err := w.store.Close()
	disk.disarm()
	if err != nil && !strings.Contains(err.Error(), w.path) {
		t.Fatalf("Close: %v", err)
	}
	w.store = checkpoint.New(openAt(t, w.path), nil)
	if err := w.check(t.Context(), w.store, "after Close on a disk that fails"); err != nil {
		t.Fatal(err)
	}
	w.close(t)
}

// TestFailingDiskAtCheckpoint begins with a log so long that SQLite moves it
// into the file, and lets that fail here and there.
func TestFailingDiskAtCheckpoint(t *testing.T) {
	failingVFS(t)
	store, path := newStore(t)
	long := strings.Repeat("k", 400)
	var fill []checkpoint.Write
	for i := range 100 {
		fill = append(fill, checkpoint.Write{Key: fmt.Sprintf("%s/%d", long, i)})
	}
	files := map[string]string{}
	for n := uint64(1); len(files["-wal"]) < 990*4120; n++ {
		for i := range fill {
			fill[i].Position = at(n)
		}
		if _, err := store.Apply(t.Context(), fill...); err != nil {
			t.Fatal(err)
		}
		for _, suffix := range []string{"", "-wal"} {
			content, err := os.ReadFile(path + suffix)
			if err != nil {
				t.Fatal(err)
			}
			files[suffix] = string(content)
		}
	}
	for _, f := range diskFaults[:2] {
		t.Run(f.name, func(t *testing.T) {
			dir, n := t.TempDir(), 1
			for met := true; met; n = n*3 + 1 {
				path := filepath.Join(dir, fmt.Sprint(n))
				for suffix, content := range files {
					write(t, path+suffix, content)
				}
				w := newWorld(t, path)
				for _, write := range fill {
					w.possible[write.Key] = []uint64{write.Position.Commit}
				}
				met = w.failAt(t, &f, n)
				w.closeFailing(t, &f)
			}
			t.Logf("up to call %d", n)
		})
	}
}

// TestFailingDiskAtOpen lets each call fail in turn while the file is made.
func TestFailingDiskAtOpen(t *testing.T) {
	failingVFS(t)
	for _, f := range diskFaults[:2] {
		t.Run(f.name, func(t *testing.T) {
			dir := t.TempDir()
			for n := 1; ; n++ {
				path := filepath.Join(dir, fmt.Sprint(n))
				disk.arm(&f, n)
				d, err := sqlitestore.Open(t.Context(), path, nil)
				if err == nil {
					d.Close()
				}
				met := disk.disarm()
				if err != nil && (isNotFound(err) || errors.Is(err, checkpoint.ErrCorrupt) || !strings.Contains(err.Error(), path) ||
					!saysWhatToDo(err)) {
					t.Fatalf("call %d fails: %v", n, err)
				}
				w := newWorld(t, path)
				if err := w.work(t.Context()); err != nil || w.failures > 0 {
					t.Fatalf("call %d failed, and now the disk works: %v", n, err)
				}
				w.close(t)
				if !met {
					t.Logf("%d calls", n-1)
					return
				}
			}
		})
	}
}
