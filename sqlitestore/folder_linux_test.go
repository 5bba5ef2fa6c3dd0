package sqlitestore

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// TestGetFromMemoryInAFolderThatStays: a Get from memory fails once a file of the store is gone
// or replaced, also if it asks about the folder in place of two files.
func TestGetFromMemoryInAFolderThatStays(t *testing.T) {
	rename := func(from, to string) func(*testing.T, string) {
		return func(t *testing.T, path string) {
			t.Helper()
			must(t, os.Rename(path+from, path+to))
		}
	}
	for name, disturb := range map[string]func(t *testing.T, path string){
		"the file is gone":          rename("", "-away"),
		"the WAL is gone":           rename("-wal", "-away"),
		"the shared memory is gone": rename("-shm", "-away"),
		"the file is empty":         func(t *testing.T, path string) { t.Helper(); must(t, os.Truncate(path, 0)) },
		"the WAL is another": func(t *testing.T, path string) {
			t.Helper()
			must(t, os.WriteFile(path+"-other", nil, 0o600))
			must(t, os.Rename(path+"-other", path+"-wal"))
		},
		"the folder is another": func(t *testing.T, path string) {
			t.Helper()
			folder := filepath.Dir(path)
			must(t, os.Rename(folder, folder+"-away"))
			must(t, os.Mkdir(folder, 0o700))
			must(t, os.Link(filepath.Join(folder+"-away", filepath.Base(path)), path))
		},
	} {
		t.Run(name, func(t *testing.T) {
			d, path := openEmpty(t)
			mustWrite(t, d, writeAt(1))
			for d.folder.kept.Load() == nil {
				getKept(t, d)
			}
			getKept(t, d)
			if _, same := d.folder.look(); !same {
				t.Error("the folder has changed, and nobody has changed it")
			}
			disturb(t, path)
			if _, ok := d.kept.get("k"); !ok {
				t.Error("the checkpoint is not in memory any more: this proves nothing")
			}
			for range 2 {
				if records, err := d.Get(t.Context(), []string{"k"}); err == nil {
					t.Errorf("Get: %+v", records)
				}
			}
		})
	}
}

// TestFolderThatHasJustChanged: the next change of a folder may have the same time as the last.
func TestFolderThatHasJustChanged(t *testing.T) {
	changed := time.Unix(1_700_000_000, 123_456_789)
	for _, test := range []struct {
		changed time.Time
		age     time.Duration
		want    bool
	}{
		{changed, time.Second, true},
		{changed, 0, false},
		{changed, 20 * time.Millisecond, false},
		{changed, -time.Hour, false},                                  // somebody has set the clock back
		{changed.Truncate(time.Second), time.Second, false},           // a file system that keeps seconds
		{changed.Truncate(10 * time.Millisecond), time.Second, false}, // exFAT
	} {
		s := folderState{changed: syscall.NsecToTimespec(test.changed.UnixNano())}
		if got := s.settled(test.changed.Add(test.age)); got != test.want {
			t.Errorf("changed at %v, %v ago: %v", test.changed, test.age, got)
		}
	}
	d, path := openEmpty(t)
	must(t, os.WriteFile(path+"-new", nil, 0o600))
	before, _ := d.folder.look()
	d.folder.keep(before)
	if d.folder.kept.Load() != nil && time.Since(time.Unix(before.changed.Unix())) < 100*time.Millisecond {
		t.Error("the time of a change of now is kept")
	}
}

// TestFolderOfLinks: the time of a folder says nothing about the target of a link in it.
func TestFolderOfLinks(t *testing.T) {
	at := t.TempDir()
	must(t, os.WriteFile(filepath.Join(at, "wal"), nil, 0o600))
	must(t, os.Symlink(filepath.Join(at, "wal"), filepath.Join(at, "link")))
	var f folder
	f.set([]part{{path: filepath.Join(at, "wal")}, {path: filepath.Join(at, "link")}})
	if f.path != "" {
		t.Error("the time of a folder is taken for that of a link's target")
	}
	if f.set([]part{{path: filepath.Join(at, "wal")}}); f.path != at {
		t.Errorf("the folder is %q", f.path)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
