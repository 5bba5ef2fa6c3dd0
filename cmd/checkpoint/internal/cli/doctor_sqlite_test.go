package cli_test

import (
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/checkpointstore/checkpoint/internal/doctortest"
)

// folderOf are the checks that depend on where the tests run.
var folderOf = []string{"file-system", "disk"}

func newFile(t *testing.T) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "checkpoints.db")
	run(t, "set", "orders", "1", "--store", path)
	return path
}

func TestDoctorOnASoundFile(t *testing.T) {
	found := examine(t, newFile(t))
	doctortest.AllOK(t, found, folderOf...)
	for _, check := range []string{"permissions", "wal", "names", "journal", "integrity", "checkpoints", "fences", "leases"} {
		doctortest.Reports(t, found, check, "OK", "")
	}
}

func TestDoctorOnFilesThatAreRefused(t *testing.T) {
	path := newFile(t)
	doctortest.Reports(t, examine(t, path+"-none.db"), "store", "FAIL", "there is no store at")
	left := filepath.Join(t.TempDir(), "left.db")
	if err := os.WriteFile(left+"-journal", []byte("a dead process's"), 0o600); err != nil {
		t.Fatal(err)
	}
	doctortest.Reports(t, examine(t, left), "store", "FAIL", "its rollback journal left.db-journal holds data")
	if err := os.Link(path, path+".other"); err != nil {
		t.Skip(err)
	}
	doctortest.Reports(t, examine(t, path), "store", "FAIL", "several names (hard links)")
	text := filepath.Join(t.TempDir(), "text.db")
	if err := os.WriteFile(text, []byte(strings.Repeat("no database", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	doctortest.Reports(t, examine(t, text), "store", "FAIL", "not a checkpoint store")
}

func TestDoctorOnPermissions(t *testing.T) {
	path := newFile(t)
	if err := os.Chmod(path, 0o666); err != nil {
		t.Fatal(err)
	}
	doctortest.Reports(t, examine(t, path), "permissions", "WARN", "every user of this machine may change "+path)
	if os.Getuid() == 0 {
		return // who may write everything
	}
	if err := os.Chmod(path, 0o400); err != nil {
		t.Fatal(err)
	}
	doctortest.Reports(t, examine(t, path), "store", "FAIL", "cannot be written")
}

func TestDoctorOnALargeWAL(t *testing.T) {
	path := newFile(t)
	db, err := sql.Open("sqlite", path+"?_pragma=synchronous(OFF)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	reader, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = reader.Rollback() }()
	var n int
	if err := reader.QueryRow("SELECT count(*) FROM checkpoints").Scan(&n); err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{"CREATE TABLE junk (data BLOB)", "INSERT INTO junk VALUES (randomblob(40000000))"} {
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	doctortest.Reports(t, examine(t, path), "wal", "WARN", "the WAL has 38 MiB")
}

// TestDoctorOnADamagedFile overwrites the end of pages that SQLite does not need in order to
// open the file.
func TestDoctorOnADamagedFile(t *testing.T) {
	path := newFile(t)
	var lines strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&lines, "{\"key\":\"orders/%d\",\"commit\":\"%d\",\"prepare\":\"1\"}\n", i, i)
	}
	file := filepath.Join(t.TempDir(), "in.jsonl")
	if err := os.WriteFile(file, []byte(lines.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, "import", file, "--store", path)
	copied := filepath.Join(t.TempDir(), "copy.db")
	run(t, "backup", copied, "--store", path)
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	const page = 4096
	for quarter := range int64(3) {
		if _, err := f.WriteAt([]byte(strings.Repeat("x", page)), info.Size()/page*(1+quarter)/4*page); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	found := examine(t, path)
	doctortest.Reports(t, found, "integrity", "FAIL", "")
	for _, f := range found {
		if f.Check == "integrity" && !inOrder(f.Remedy, "end every process", "`checkpoint export`", "-wal, its -shm and its -journal", "`checkpoint restore`") {
			t.Errorf("the remedy is %q", f.Remedy)
		}
	}
	// Each step of the remedy works, and a restore without the steps before it does not.
	if out, err := exec.CommandContext(t.Context(), "checkpoint", "restore", copied, "--store", path).CombinedOutput(); err == nil {
		t.Errorf("it restores over the damaged file: %s", out)
	}
	out, err := exec.CommandContext(t.Context(), "checkpoint", "export", "--store", path).Output()
	if lines := string(out); err == nil || !strings.HasPrefix(lines, `{"key":"orders`) || !strings.HasSuffix(lines, "}\n") {
		t.Errorf("it exports %d bytes, and ends with %v, want whole lines and an error: %.80q", len(out), err, out)
	}
	for _, end := range []string{"", "-wal", "-shm"} {
		if err := os.Rename(path+end, path+".damaged"+end); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
	run(t, "restore", copied, "--store", path)
	doctortest.Reports(t, examine(t, path), "integrity", "OK", "")
}

// inOrder reports whether text has the parts, one after the other.
func inOrder(text string, parts ...string) bool {
	for _, part := range parts {
		_, after, ok := strings.Cut(text, part)
		if !ok {
			return false
		}
		text = after
	}
	return true
}

func TestDoctorOnAFileInMemory(t *testing.T) {
	folder, err := os.MkdirTemp("/dev/shm", "checkpoint") //nolint:usetesting // a TempDir is on a disk
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	mounts, err := os.ReadFile("/proc/mounts")
	if err != nil || !strings.Contains(string(mounts), " /dev/shm tmpfs ") {
		t.Skip("/dev/shm is no tmpfs")
	}
	path := filepath.Join(folder, "checkpoints.db")
	run(t, "set", "orders", "1", "--store", path)
	doctortest.Reports(t, examine(t, path), "file-system", "WARN", "is on tmpfs: a restart of the machine loses the store")
}
