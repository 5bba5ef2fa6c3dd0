package sqlitestore_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/sqlitestore"
)

// TestFilesThatAreLeftAlone opens files that are not a checkpoint store, or
// not one that this release knows. Not a byte of them may change, and nothing
// may appear beside them.
func TestFilesThatAreLeftAlone(t *testing.T) {
	tests := map[string]struct {
		make func(tb testing.TB, path string)
		want error
	}{
		"text": {
			func(tb testing.TB, path string) {
				tb.Helper()
				write(tb, path, strings.Repeat("not a database. ", 100))
			},
			sqlitestore.ErrNotOurs,
		},
		"a few bytes": {
			func(tb testing.TB, path string) {
				tb.Helper()
				write(tb, path, "x")
			},
			sqlitestore.ErrNotOurs,
		},
		"another application's database": {
			func(tb testing.TB, path string) {
				tb.Helper()
				conn := shell(tb, path)
				run(tb, conn, "CREATE TABLE invoices (id INTEGER); PRAGMA application_id = 1234")
			},
			sqlitestore.ErrNotOurs,
		},
		"a database without an application": {
			func(tb testing.TB, path string) {
				tb.Helper()
				run(tb, shell(tb, path), "CREATE TABLE invoices (id INTEGER)")
			},
			sqlitestore.ErrNotOurs,
		},
		"a database in WAL mode": {
			func(tb testing.TB, path string) {
				tb.Helper()
				conn := shell(tb, path)
				run(tb, conn, "PRAGMA journal_mode = WAL")
				run(tb, conn, "CREATE TABLE invoices (id INTEGER); PRAGMA wal_checkpoint(TRUNCATE)")
			},
			sqlitestore.ErrNotOurs,
		},
		"a newer schema": {
			func(tb testing.TB, path string) {
				tb.Helper()
				openAt(tb, path).Close()
				run(tb, shell(tb, path), "PRAGMA user_version = 99; PRAGMA wal_checkpoint(TRUNCATE)")
			},
			sqlitestore.ErrNewerSchema,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "file.db")
			test.make(t, path)
			before := folder(t, path)
			d, err := sqlitestore.Open(t.Context(), path, nil)
			if err == nil {
				d.Close()
			}
			if !errors.Is(err, test.want) {
				t.Errorf("Open: %v; want %v", err, test.want)
			}
			if err != nil && !strings.Contains(err.Error(), path) {
				t.Errorf("%q does not name the file", err)
			}
			after := folder(t, path)
			for name := range after {
				if !bytes.Equal(before[name], after[name]) {
					t.Errorf("%s has changed, or has come", name)
				}
			}
			if len(before) != len(after) {
				t.Errorf("of %d files %d are left", len(before), len(after))
			}
		})
	}
}

// A newer schema that is still in the log, and not yet in the file.
func TestNewerSchemaInTheLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file.db")
	openAt(t, path).Close()
	run(t, shell(t, path), "PRAGMA user_version = 99")
	d, err := sqlitestore.Open(t.Context(), path, nil)
	if err == nil {
		d.Close()
	}
	if !errors.Is(err, sqlitestore.ErrNewerSchema) {
		t.Errorf("Open: %v; want ErrNewerSchema", err)
	}
}

// TestDamagedVersion: a file that is marked as a store, of a version that none
// can have, is not made into a new one.
func TestDamagedVersion(t *testing.T) {
	for _, version := range []string{"-1", "0"} {
		t.Run(version, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "file.db")
			openAt(t, path).Close()
			run(t, shell(t, path), "DROP TABLE checkpoints; DROP TABLE fences; DROP TABLE leases; PRAGMA user_version = "+version)
			d, err := sqlitestore.Open(t.Context(), path, nil)
			if err == nil {
				d.Close()
			}
			if err == nil || !strings.Contains(err.Error(), "damaged") {
				t.Errorf("Open: %v; want one that says that it is damaged", err)
			}
		})
	}
}

func TestPathsThatCannotBeOpened(t *testing.T) {
	dir := t.TempDir()
	tests := map[string]struct{ path, want string }{
		"a folder":       {dir, "it is not a regular file"},
		"no such folder": {filepath.Join(dir, "none", "file.db"), "its folder"},
	}
	if os.Getuid() != 0 { // who may write everything
		locked := filepath.Join(dir, "locked")
		if err := os.Mkdir(locked, 0o500); err != nil {
			t.Fatal(err)
		}
		tests["a locked folder"] = struct{ path, want string }{filepath.Join(locked, "file.db"), "choose another folder"}
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := sqlitestore.Open(t.Context(), test.path, nil)
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), test.path) {
				t.Errorf("Open(%s): %v; want an error with %q and the path", test.path, err, test.want)
			}
		})
	}
}

// TestFileThatWasEmptied: who resumed from it would find nothing, and replay all.
func TestFileThatWasEmptied(t *testing.T) {
	for name, content := range map[string]string{
		"empty": "", "zeros": strings.Repeat("\x00", 8192), "a few zeros": "\x00\x00\x00",
		"zeros at first": strings.Repeat("\x00", 4096) + "what is left",
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "file.db")
			write(t, path, content)
			d, err := sqlitestore.Open(t.Context(), path, nil)
			if err == nil {
				d.Close()
			}
			if err == nil || !strings.Contains(err.Error(), "put a copy in its place, or remove it") || errors.Is(err, sqlitestore.ErrNotOurs) {
				t.Errorf("Open: %v; want that its content is lost, and a remedy", err)
			}
			if left := folder(t, path); len(left) != 1 || string(left["file.db"]) != content {
				t.Errorf("the folder has changed: %d files", len(left))
			}
		})
	}
}

func TestNamesWithSpecialCharacters(t *testing.T) {
	for _, name := range []string{"a b.db", "a?mode=memory.db", "a#b.db", "100%.db", "a%20b.db", "ü&=;.db", "'\".db"} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), name)
			store := checkpoint.New(openAt(t, path), nil)
			if err := store.Set(t.Context(), "k", checkpoint.Position{Commit: 1}); err != nil {
				t.Fatal(err)
			}
			if _, err := os.Stat(path); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestRelativePath(t *testing.T) {
	t.Chdir(t.TempDir())
	openAt(t, "file.db").Close()
	if _, err := os.Stat("file.db"); err != nil {
		t.Error(err)
	}
}

// TestWhatAnOperatorReads pins the table down as documentation does: what one
// sees in the shell, and that text orders as the numbers do.
func TestWhatAnOperatorReads(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file.db")
	store := checkpoint.New(openAt(t, path), nil)
	big := checkpoint.Position{Commit: 1<<64 - 1, Prepare: 1<<53 + 1}
	if err := store.Set(t.Context(), "k", big, checkpoint.Epoch(7), checkpoint.UpdatedAt(someTime)); err != nil {
		t.Fatal(err)
	}
	var got [4]string
	err := shell(t, path).QueryRowContext(t.Context(),
		"SELECT commit_position, prepare_position, updated_at, epoch FROM checkpoints WHERE key = 'k'").
		Scan(&got[0], &got[1], &got[2], &got[3])
	want := [4]string{"18446744073709551615", "00009007199254740993", "2026-01-02T03:04:05.006Z", "00000000000000000007"}
	if err != nil || got != want {
		t.Errorf("the row is %q, %v; want %q", got, err, want)
	}
	// Who edits by hand is stopped from damaging it.
	_, err = shell(t, path).ExecContext(t.Context(), "UPDATE checkpoints SET commit_position = '12' WHERE key = 'k'")
	if err == nil {
		t.Error("the shell may store a position of two digits")
	}
}

func write(tb testing.TB, path, content string) {
	tb.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		tb.Fatal(err)
	}
}

// folder is the content of every file beside path.
func folder(t *testing.T, path string) map[string][]byte {
	t.Helper()
	files := make(map[string][]byte)
	root := os.DirFS(filepath.Dir(path))
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		files[name], err = fs.ReadFile(root, name)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestCrashWhileTheLogIsMovedIn opens what a full disk or a crash leaves when
// the log is moved into the file: the first page is there, which says how long
// the file is, and the others are not.
func TestCrashWhileTheLogIsMovedIn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file.db")
	store := checkpoint.New(openAt(t, path), nil)
	const n = 300
	for i := range n {
		if err := store.Set(t.Context(), strings.Repeat("k", 300)+strconv.Itoa(i), checkpoint.Position{}); err != nil {
			t.Fatal(err)
		}
	}
	crashed := filepath.Join(t.TempDir(), "file.db")
	for _, suffix := range []string{"", "-wal"} {
		content, err := os.ReadFile(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if suffix == "" {
			binary.BigEndian.PutUint32(content[28:], 1000) // pages
		}
		write(t, crashed+suffix, string(content))
	}
	found, err := checkpoint.Collect(checkpoint.New(openAt(t, crashed), nil).GetAll(t.Context(), "*"))
	if err != nil || len(found) != n {
		t.Errorf("%d of %d checkpoints are there after a crash: %v", len(found), n, err)
	}
}
