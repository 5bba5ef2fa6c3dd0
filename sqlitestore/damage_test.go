package sqlitestore_test

import (
	"bytes"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/sqlitestore"
)

func newStore(t *testing.T) (store *checkpoint.Store, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "file.db")
	store = checkpoint.New(openAt(t, path), nil)
	t.Cleanup(func() { store.Close() })
	return store, path
}

// TestPurgeLeavesWhatIsDamaged: an expiry that cannot be read is not one that
// has passed, however it compares as text.
func TestPurgeLeavesWhatIsDamaged(t *testing.T) {
	store, path := newStore(t)
	conn := shell(t, path)
	run(t, conn, "PRAGMA ignore_check_constraints = ON")
	damaged := []string{"1900000000000", "2026-01-01", "", "0", "2026-13-01T00:00:00.000Z"}
	for _, expiry := range damaged {
		if err := store.Set(t.Context(), "k"+expiry, checkpoint.Position{Commit: 1}); err != nil {
			t.Fatal(err)
		}
		run(t, conn, "UPDATE checkpoints SET expires_at = ? WHERE key = ?", expiry, "k"+expiry)
	}
	run(t, conn, `INSERT INTO checkpoints VALUES ('passed', '00000000000000000001', '00000000000000000001',
		'2020-01-01T00:00:00.000Z', '2020-01-02T00:00:00.000Z', NULL, NULL)`)
	// Another process, whose first write purges.
	other := checkpoint.New(openAt(t, path), nil)
	if err := other.Set(t.Context(), "any", checkpoint.Position{}); err != nil {
		t.Fatal(err)
	}
	for _, expiry := range damaged {
		if _, err := store.Get(t.Context(), "k"+expiry); !errors.Is(err, checkpoint.ErrCorrupt) {
			t.Errorf("Get of a checkpoint that expires at %q: %v; want ErrCorrupt", expiry, err)
		}
	}
	var left int
	err := conn.QueryRowContext(t.Context(), "SELECT count(*) FROM checkpoints WHERE key = 'passed'").Scan(&left)
	if err != nil || left != 0 {
		t.Errorf("%d rows are left of one that has expired, %v", left, err)
	}
}

// TestFileThatGoesAway: what is written to a file that nobody can open any more
// must not be acknowledged, and nothing may look as if it had never been.
func TestFileThatGoesAway(t *testing.T) {
	for name, spoil := range map[string]func(t *testing.T, path string){
		"removed": func(t *testing.T, path string) {
			t.Helper()
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		},
		"replaced": func(t *testing.T, path string) {
			t.Helper()
			other, otherPath := newStore(t)
			if err := other.Set(t.Context(), "other", checkpoint.Position{Commit: 1}); err != nil {
				t.Fatal(err)
			}
			other.Close()
			if err := os.Rename(otherPath, path); err != nil {
				t.Fatal(err)
			}
		},
		"truncated": func(t *testing.T, path string) {
			t.Helper()
			if err := os.Truncate(path, 0); err != nil {
				t.Fatal(err)
			}
		},
		"without its log": func(t *testing.T, path string) {
			t.Helper()
			if err := os.Remove(path + "-wal"); err != nil {
				t.Fatal(err)
			}
		},
		"without its shared memory": func(t *testing.T, path string) {
			t.Helper()
			if err := os.Remove(path + "-shm"); err != nil {
				t.Fatal(err)
			}
		},
		"with another log": func(t *testing.T, path string) {
			t.Helper()
			if err := os.Remove(path + "-wal"); err != nil {
				t.Fatal(err)
			}
			write(t, path+"-wal", "")
		},
	} {
		t.Run(name, func(t *testing.T) {
			store, path := newStore(t)
			if err := store.Set(t.Context(), "k", checkpoint.Position{Commit: 1}); err != nil {
				t.Fatal(err)
			}
			for range 3 { // the last one is answered from memory
				if cp, err := store.Get(t.Context(), "k"); err != nil || cp.Position.Commit != 1 {
					t.Fatalf("Get before: %v, %v", cp, err)
				}
			}
			spoil(t, path)
			if _, err := store.Get(t.Context(), "k"); err == nil || isNotFound(err) {
				t.Errorf("the first Get: %v", err)
			}
			if err := store.Set(t.Context(), "k", checkpoint.Position{Commit: 2}); err == nil {
				t.Error("Set is acknowledged")
			} else if !strings.Contains(err.Error(), "removed or replaced") {
				t.Errorf("Set: %v", err)
			}
			if _, err := store.Get(t.Context(), "k"); err == nil || isNotFound(err) {
				t.Errorf("Get: %v", err)
			}
			if all, err := checkpoint.Collect(store.GetAll(t.Context(), "*")); err == nil {
				t.Errorf("GetAll found %v, without an error", all)
			}
		})
	}
}

// TestLogWithoutItsFile: the log of a young store holds all there is.
func TestLogWithoutItsFile(t *testing.T) {
	for name, spoil := range map[string]func(path string) error{
		"missing": os.Remove,
		"empty":   func(path string) error { return os.Truncate(path, 0) },
	} {
		t.Run(name, func(t *testing.T) {
			store, path := newStore(t)
			if err := store.Set(t.Context(), "k", checkpoint.Position{Commit: 1}); err != nil {
				t.Fatal(err)
			}
			copied := filepath.Join(t.TempDir(), "file.db")
			for _, suffix := range []string{"", "-wal"} {
				content, err := os.ReadFile(path + suffix)
				if err != nil {
					t.Fatal(err)
				}
				write(t, copied+suffix, string(content))
			}
			before := folder(t, copied)
			if err := spoil(copied); err != nil {
				t.Fatal(err)
			}
			link := filepath.Join(t.TempDir(), "link.db")
			if err := os.Symlink(copied, link); err != nil {
				link = copied
			}
			for _, path := range []string{copied, link} {
				d, err := sqlitestore.Open(t.Context(), path, nil)
				if err == nil {
					d.Close()
					t.Fatalf("%s, a log without its file, is opened as an empty store", path)
				}
			}
			if log := folder(t, copied)["file.db-wal"]; !bytes.Equal(log, before["file.db-wal"]) {
				t.Error("the log was changed")
			}
			// With the file back in its place all is well.
			write(t, copied, string(before["file.db"]))
			cp, err := checkpoint.New(openAt(t, copied), nil).Get(t.Context(), "k")
			if err != nil || cp.Position.Commit != 1 {
				t.Errorf("Get after the file was put back: %v, %v", cp, err)
			}
		})
	}
}

// TestKeysOutOfOrder: a walk goes on from the last key that it saw, and would
// miss keys or never end.
func TestKeysOutOfOrder(t *testing.T) {
	store, path := newStore(t)
	for _, key := range []string{"first-key", "other-key", "third-key"} {
		if err := store.Set(t.Context(), key, checkpoint.Position{Commit: 1}); err != nil {
			t.Fatal(err)
		}
	}
	store.Close()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	swapped := strings.NewReplacer("first-key", "third-key", "third-key", "first-key").Replace(string(content))
	write(t, path, swapped)
	store = checkpoint.New(openAt(t, path), nil)
	for _, size := range []int{2, 100} {
		n := 0
		for key, err := range store.Scan(t.Context(), "*", checkpoint.PageSize(size)) {
			if err != nil {
				n = -1
				break
			}
			if n++; n > 3 {
				t.Fatalf("the walk does not end: %s", key)
			}
		}
		if n >= 0 {
			t.Errorf("in pages of %d: %d keys and no error", size, n)
		}
	}
}

// TestLostFence: a checkpoint has an epoch that its fence has not seen. No write
// may pass by what is left of the fence, nor a rewind choose an epoch by it.
func TestLostFence(t *testing.T) {
	for name, write := range map[string]func(store *checkpoint.Store) error{
		"SetIfNewer": func(store *checkpoint.Store) error {
			_, err := store.SetIfNewer(t.Context(), "k", checkpoint.Position{Commit: 9}, checkpoint.Epoch(3))
			return err
		},
		"Set": func(store *checkpoint.Store) error {
			return store.Set(t.Context(), "k", checkpoint.Position{Commit: 9}, checkpoint.Epoch(3))
		},
		"Rewind": func(store *checkpoint.Store) error {
			_, err := store.Rewind(t.Context(), "k", checkpoint.Position{})
			return err
		},
		"Acquire": func(store *checkpoint.Store) error {
			_, err := store.Acquire(t.Context(), "k", "owner", time.Hour)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			store, path := newStore(t)
			if err := store.Set(t.Context(), "k", checkpoint.Position{Commit: 5}, checkpoint.Epoch(7)); err != nil {
				t.Fatal(err)
			}
			conn := shell(t, path)
			run(t, conn, "DELETE FROM fences")
			if err := write(store); !errors.Is(err, checkpoint.ErrCorrupt) || !strings.Contains(err.Error(), "fence") {
				t.Errorf("%v; want ErrCorrupt", err)
			}
			if cp, err := store.Get(t.Context(), "k"); err != nil || cp.Position.Commit != 5 {
				t.Errorf("Get: %+v, %v", cp, err)
			}
			run(t, conn, "INSERT INTO fences (key, epoch) VALUES ('k', '00000000000000000007')")
			if _, err := store.Rewind(t.Context(), "k", checkpoint.Position{}); err != nil {
				t.Errorf("Rewind after the repair: %v", err)
			}
		})
	}
}

// TestJournalWithoutItsFile: SQLite would play the journal of a store that was moved away
// into the file that takes its place.
func TestJournalWithoutItsFile(t *testing.T) {
	for name, spoil := range map[string]func(path string) error{
		"missing": os.Remove,
		"empty":   func(path string) error { return os.Truncate(path, 0) },
	} {
		t.Run(name, func(t *testing.T) {
			p := newCopied(t)
			cutOff(t, p.path)
			if err := spoil(p.path); err != nil {
				t.Fatal(err)
			}
			before := folder(t, p.path)
			d, openErr := sqlitestore.Open(t.Context(), p.path, nil)
			if openErr == nil {
				d.Close()
			}
			_, restoreErr := sqlitestore.Restore(t.Context(), p.path, p.copy)
			for what, err := range map[string]error{"Open": openErr, "Restore": restoreErr} {
				if err == nil || !strings.Contains(err.Error(), "its rollback journal") {
					t.Errorf("%s: %v; want an error about the journal", what, err)
				}
			}
			if after := folder(t, p.path); !maps.EqualFunc(after, before, bytes.Equal) {
				t.Errorf("the files have changed: there were %d, there are %d", len(before), len(after))
			}
		})
	}
}

// TestJournalBesideItsFile: with the file in its place, SQLite undoes what was cut off.
func TestJournalBesideItsFile(t *testing.T) {
	p := newCopied(t)
	cutOff(t, p.path)
	store := checkpoint.New(openAt(t, p.path), nil)
	all, err := checkpoint.Collect(store.GetAll(t.Context(), "*"))
	if err != nil || len(all) != 100 || all["0"].Position.Commit != 9 {
		t.Errorf("GetAll after a transaction that was cut off finds %d, %v; want 100 at 9", len(all), err)
	}
}

// cutOff leaves the file at path and its rollback journal as a process leaves them that is
// killed within a transaction.
func cutOff(t *testing.T, path string) {
	t.Helper()
	conn := shell(t, path)
	for _, statement := range []string{
		"PRAGMA journal_mode = DELETE", "PRAGMA cache_size = 1", "BEGIN EXCLUSIVE",
		"UPDATE checkpoints SET commit_position = '00000000000000000001'", "DELETE FROM audit", "DELETE FROM fences",
	} {
		run(t, conn, statement)
	}
	files := folder(t, path)
	run(t, conn, "ROLLBACK")
	conn.Close()
	journal := files[filepath.Base(path)+"-journal"]
	if len(journal) < 512 || bytes.Count(journal[:8], []byte{0}) == 8 {
		t.Fatalf("the journal of %d bytes is not hot", len(journal))
	}
	write(t, path, string(files[filepath.Base(path)]))
	write(t, path+"-journal", string(journal))
}
