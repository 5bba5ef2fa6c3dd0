package sqlitestore_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/sqlitestore"
)

// A copied is a store at path, and a copy of it from before its last writes.
type copied struct {
	path, copy string
	ends       driver.Lease // granted before the copy was made
	again      driver.Lease // on the same key, granted after it
	last       driver.Lease // on another key, granted after it
	locked     driver.Lease // likewise, on a key that the copy has without a fence
}

// newCopied has keys 0 to 99 at 5 in the copy, and at 9 now.
func newCopied(t *testing.T) copied {
	t.Helper()
	dir := t.TempDir()
	p := copied{path: filepath.Join(dir, "file.db"), copy: filepath.Join(dir, "copy.db")}
	d := openAt(t, p.path)
	set := func(commit uint64) {
		t.Helper()
		var writes []checkpoint.Write
		for i := range 100 {
			writes = append(writes, checkpoint.Write{Key: fmt.Sprint(i), Mark: checkpoint.Mark{Position: checkpoint.Position{Commit: commit}}})
		}
		if _, err := checkpoint.New(d, nil).Apply(t.Context(), writes...); err != nil {
			t.Fatal(err)
		}
	}
	set(5)
	p.ends = acquire(t, d, "0", "a", time.Hour)
	if err := d.Backup(t.Context(), p.copy); err != nil {
		t.Fatal(err)
	}
	set(9)
	for range 5 {
		p.again = acquire(t, d, "0", "a", time.Hour)
		p.last = acquire(t, d, "new", "a", time.Hour)
		p.locked = acquire(t, d, "1", "a", time.Hour)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	return p
}

// restored checks that the store is what the copy was, and that nobody who ran
// before writes on.
func (p *copied) restored(t *testing.T, leases ...driver.Lease) {
	t.Helper()
	d := openAt(t, p.path)
	store := checkpoint.New(d, nil)
	all, err := checkpoint.Collect(store.GetAll(t.Context(), "*"))
	if err != nil || len(all) != 100 {
		t.Errorf("GetAll finds %d, %v", len(all), err)
	}
	for _, c := range all {
		if c.Position.Commit != 5 {
			t.Errorf("%s is at %s", c.Key, c.Position)
		}
	}
	for cell, err := range store.InspectAll(t.Context(), "*") {
		if err != nil || cell.Lease.Exists() {
			t.Errorf("the lease on %q is %+v, %v; want none", cell.Key, cell.Lease, err)
		}
	}
	for _, lease := range leases {
		if _, err := renew(t.Context(), d, lease, time.Hour); !isFenced(err) {
			t.Errorf("Renew of the lease with epoch %d on %q: %v; want ErrFenced", lease.Epoch, lease.Key, err)
		}
		if _, err := store.SetIfNewer(t.Context(), lease.Key, checkpoint.Position{Commit: 99}, checkpoint.Epoch(lease.Epoch)); !isFenced(err) {
			t.Errorf("SetIfNewer with epoch %d on %q: %v; want ErrFenced", lease.Epoch, lease.Key, err)
		}
		// A lease that is void is nobody's.
		if next := acquire(t, d, lease.Key, "b", time.Minute); next.Epoch <= lease.Epoch {
			t.Errorf("the next lease on %q has epoch %d, the last one %d", lease.Key, next.Epoch, lease.Epoch)
		}
	}
}

func (p *copied) restore(t *testing.T) {
	t.Helper()
	done, err := sqlitestore.Restore(t.Context(), p.path, p.copy)
	if err != nil || done.Checkpoints != 100 {
		t.Fatalf("Restore: %+v, %v", done, err)
	}
}

func TestRestore(t *testing.T) {
	p := newCopied(t)
	p.restore(t)
	p.restored(t, p.again, p.ends, p.last, p.locked)
}

// TestRestoreBesideTheLogOfADeadProcess: the log does not get into the copy.
func TestRestoreBesideTheLogOfADeadProcess(t *testing.T) {
	p := newCopied(t)
	d := openAt(t, p.path)
	var writes []checkpoint.Write
	for i := range 60 {
		writes = append(writes, checkpoint.Write{Key: fmt.Sprint(i), Mark: checkpoint.Mark{Position: checkpoint.Position{Commit: 10}}})
	}
	if _, err := checkpoint.New(d, nil).Apply(t.Context(), writes...); err != nil {
		t.Fatal(err)
	}
	files := folder(t, p.path)
	d.Close()
	p.path = filepath.Join(t.TempDir(), "file.db")
	for _, suffix := range []string{"", "-wal"} {
		write(t, p.path+suffix, string(files["file.db"+suffix]))
	}
	p.restore(t)
	p.restored(t, p.again, p.ends, p.last, p.locked)
}

// TestRestoreWithoutAStore: the epochs since the copy are lost with the store.
func TestRestoreWithoutAStore(t *testing.T) {
	p := newCopied(t)
	if err := os.Remove(p.path); err != nil {
		t.Fatal(err)
	}
	p.restore(t)
	p.restored(t, p.again, p.ends, p.locked)
}

// Each key that a restore changes says so. The entries of the store stay, and those of the
// copy stand in for a store that is gone.
func TestRestoreLeavesEntries(t *testing.T) {
	p := newCopied(t)
	tells := func(key string, want ...string) {
		t.Helper()
		d := openAt(t, p.path)
		defer d.Close()
		entries, err := d.History(t.Context(), key, 9)
		var got []string
		for _, e := range entries {
			got = append(got, fmt.Sprintf("%s by %s (%s): %v -> %v, epoch %d -> %d", e.Op, e.Actor, e.Reason, e.Old, e.New, e.OldEpoch, e.NewEpoch))
		}
		if err != nil || strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("History of %q: %q, %v; want %q", key, got, err, want)
		}
	}
	restore := func() {
		t.Helper()
		if _, err := sqlitestore.Restore(checkpoint.WithBy(t.Context(), "ana", "a bad deploy"), p.path, p.copy); err != nil {
			t.Fatal(err)
		}
	}
	set := "set by  (): <nil> -> C:5/P:0, epoch 0 -> 0"
	later := "set by  (): C:5/P:0 -> C:9/P:0, epoch 0 -> 0"
	restored := "restore by ana (a bad deploy): C:9/P:0 -> C:5/P:0, epoch "
	restore()
	tells("7", restored+"0 -> 0", later, set)
	tells("0", restored+"6 -> 7", "set by  (): C:5/P:0 -> C:9/P:0, epoch 1 -> 1", set)
	tells("new", "restore by ana (a bad deploy): <nil> -> <nil>, epoch 5 -> 6")
	tells("none")
	restore()
	tells("7", restored+"0 -> 0", later, set) // nothing has changed
	if err := os.Remove(p.path); err != nil {
		t.Fatal(err)
	}
	restore()
	tells("7", "restore by ana (a bad deploy): <nil> -> C:5/P:0, epoch 0 -> 4294967296", set)
}

// TestRestoreUnderAProcess restores nothing under somebody's hands.
func TestRestoreUnderAProcess(t *testing.T) {
	p := newCopied(t)
	d := openAt(t, p.path)
	_, err := sqlitestore.Restore(t.Context(), p.path, p.copy)
	if !errors.Is(err, sqlitestore.ErrInUse) || !strings.Contains(err.Error(), "stop every process") {
		t.Errorf("Restore under a process: %v; want ErrInUse", err)
	}
	if c, err := checkpoint.New(d, nil).Get(t.Context(), "0"); err != nil || c.Position.Commit != 9 {
		t.Errorf("Get after a restore that was refused: %v, %v", c.Position, err)
	}
	if err := checkpoint.New(d, nil).Set(t.Context(), "0", checkpoint.Position{Commit: 10}); err != nil {
		t.Errorf("Set after a restore that was refused: %v", err)
	}
}

// TestRestoreLeavesTheCopy as it is, and no draft.
func TestRestoreLeavesTheCopy(t *testing.T) {
	p := newCopied(t)
	before := folder(t, p.path)
	p.restore(t)
	after := folder(t, p.path)
	if string(before["copy.db"]) != string(after["copy.db"]) || len(after) != 2 {
		t.Errorf("the copy has changed, or there are %d files and not 2", len(after))
	}
}

func TestRestoreRefuses(t *testing.T) {
	p := newCopied(t)
	refused := func(name, want string, spoil func(from string) error) {
		t.Run(name, func(t *testing.T) {
			from := filepath.Join(t.TempDir(), "copy.db")
			content, err := os.ReadFile(p.copy)
			if err != nil {
				t.Fatal(err)
			}
			write(t, from, string(content))
			if err := spoil(from); err != nil {
				t.Fatal(err)
			}
			if _, err = sqlitestore.Restore(t.Context(), p.path, from); err == nil || !strings.Contains(err.Error(), want) || errors.Is(err, sqlitestore.ErrNotOurs) {
				t.Errorf("Restore: %v; want %q, and no ErrNotOurs, which is about the store", err, want)
			}
			if c, err := checkpoint.New(openAt(t, p.path), nil).Get(t.Context(), "0"); err != nil || c.Position.Commit != 9 {
				t.Errorf("Get after it: %v, %v", c.Position, err)
			}
		})
	}
	refused("a missing copy", "no such file", os.Remove)
	refused("an empty copy", "it is empty", func(from string) error { return os.Truncate(from, 0) })
	refused("a torn copy", "damaged", func(from string) error { return os.Truncate(from, 8192) })
	refused("a copy with a WAL", "a WAL is beside it", func(from string) error { return os.WriteFile(from+"-wal", []byte("x"), 0o600) })
	refused("a copy with a journal", "a rollback journal is beside it", func(from string) error { return os.WriteFile(from+"-journal", []byte("x"), 0o600) })
	refused("a link to a copy with a WAL", "a WAL is beside it", func(from string) error {
		whole := from + "-whole"
		return errors.Join(os.Rename(from, whole), os.Symlink(whole, from), os.WriteFile(whole+"-wal", []byte("x"), 0o600))
	})
	refused("a folder", "not a regular file", func(from string) error { return errors.Join(os.Remove(from), os.Mkdir(from, 0o700)) })
	refused("another file", "not a checkpoint store", func(from string) error { return os.WriteFile(from, []byte("x"), 0o600) })
	refused("the store itself", "it is the store itself", func(from string) error {
		return errors.Join(os.Remove(from), os.Symlink(p.path, from))
	})
}

// TestRestoreOfDamage: what the copy has damaged stays damaged, and a damaged
// fence is raised above all that is known.
func TestRestoreOfDamage(t *testing.T) {
	p := newCopied(t)
	conn := shell(t, p.copy)
	run(t, conn, "PRAGMA ignore_check_constraints = ON")
	run(t, conn, "UPDATE checkpoints SET commit_position = 'x' WHERE key = '7'; UPDATE fences SET epoch = 'x' WHERE key = '0'")
	conn.Close()
	p.restore(t)
	d := openAt(t, p.path)
	if _, err := checkpoint.New(d, nil).Get(t.Context(), "7"); !errors.Is(err, checkpoint.ErrCorruptCheckpoint) {
		t.Errorf("Get of what was damaged: %v; want ErrCorruptCheckpoint", err)
	}
	if next := acquire(t, d, "0", "b", time.Minute); next.Epoch <= 1<<32 {
		t.Errorf("the lease on a key whose fence was damaged has epoch %d", next.Epoch)
	}
}

// TestRestoreOverDamage: a store whose epochs cannot be read stays, and the error says how
// to go on. A file of another application stays, too.
func TestRestoreOverDamage(t *testing.T) {
	for want, spoil := range map[string]func(path string) error{
		"move it away with its -wal, its -shm and its -journal": func(path string) error { return os.Truncate(path, 8192) },
		"not a checkpoint store":                                func(path string) error { return os.WriteFile(path, []byte("mine"), 0o600) },
	} {
		p := newCopied(t)
		if err := spoil(p.path); err != nil {
			t.Fatal(err)
		}
		before := string(folder(t, p.path)["file.db"])
		if _, err := sqlitestore.Restore(t.Context(), p.path, p.copy); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Restore: %v; want %q", err, want)
		}
		if string(folder(t, p.path)["file.db"]) != before {
			t.Errorf("the file has changed, though the restore was refused with %q", want)
		}
	}
}

// TestBackupOfAReplacedFile: a copy of another file is no backup of this store.
func TestBackupOfAReplacedFile(t *testing.T) {
	p := newCopied(t)
	d := openAt(t, p.path)
	content, err := os.ReadFile(p.copy)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(p.path); err != nil {
		t.Fatal(err)
	}
	write(t, p.path, string(content))
	to := filepath.Join(t.TempDir(), "copy.db")
	if err := d.Backup(t.Context(), to); err == nil {
		t.Error("Backup after the file was replaced is no error")
	}
	if left := folder(t, to); len(left) != 0 {
		t.Errorf("the refused backup left %d files", len(left))
	}
}

func TestBackupStaysAway(t *testing.T) {
	p := newCopied(t)
	d := openAt(t, p.path)
	dir := t.TempDir()
	taken, logged, journaled := filepath.Join(dir, "taken"), filepath.Join(dir, "logged"), filepath.Join(dir, "journaled")
	write(t, taken, "mine")
	write(t, logged+"-wal", "a dead process's")
	write(t, journaled+"-journal", "a dead process's")
	for path, want := range map[string]string{
		taken: "there is a file of this name", logged: "its WAL", journaled: "its rollback journal", filepath.Join(dir, "none", "copy.db"): "its folder", p.path: "there is a file of this name",
	} {
		if err := d.Backup(t.Context(), path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Backup to %s: %v; want %q", path, err, want)
		}
	}
	if left := folder(t, taken); len(left) != 3 || string(left["taken"]) != "mine" {
		t.Errorf("%d files are left of three", len(left))
	}
}

// restoreUntilKilled restores the file's copy.
func restoreUntilKilled(ctx context.Context, store *checkpoint.Store, _ uint64) error {
	if err := store.Close(); err != nil {
		return err
	}
	fmt.Println("restores")
	path := os.Getenv(envPath)
	_, err := sqlitestore.Restore(ctx, path, filepath.Join(filepath.Dir(path), "copy.db"))
	return err
}

// TestKilledWhileRestoring: the store is what it was, or what the copy is. The audit entries
// say which.
func TestKilledWhileRestoring(t *testing.T) {
	for round := range 15 {
		p := newCopied(t)
		cmd, out := startChild(t, "restore", p.path, 0)
		if _, err := fmt.Fscanln(out, new(string)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(round) * 4 * time.Millisecond)
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		found := map[uint64]int{}
		d := openAt(t, p.path)
		for c, err := range checkpoint.New(d, nil).GetAll(t.Context(), "*") {
			if err != nil {
				t.Fatal(err)
			}
			found[c.Position.Commit]++
		}
		if found[5] != 100 && found[9] != 100 {
			t.Errorf("round %d: positions and how often each was found: %v; want one of them 100 times", round, found)
		}
		for i := range 100 {
			entries, err := d.History(t.Context(), fmt.Sprint(i), 1)
			if err != nil || (entries[0].Op == driver.AuditRestore) != (found[5] == 100) {
				t.Errorf("round %d: the positions are %v, and the last entry of key %d is %+v, %v", round, found, i, entries, err)
			}
		}
		t.Log(found)
	}
}
