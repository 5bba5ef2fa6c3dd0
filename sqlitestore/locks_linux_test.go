package sqlitestore

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// TestLocksOfOthers: only a lock of the kind that is asked for, on the bytes and the file
// that are asked for, names its process.
func TestLocksOfOthers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var stat unix.Stat_t
	if err := unix.Stat(path, &stat); err != nil {
		t.Fatal(err)
	}
	device := fmt.Sprintf("%02x:%02x", unix.Major(stat.Dev), unix.Minor(stat.Dev))
	file := fmt.Sprintf("%s:%d", device, stat.Ino)
	for line, want := range map[string]int{
		"1: POSIX  ADVISORY  WRITE 7 " + file + " 120 120":                                     7,
		"1: POSIX  ADVISORY  WRITE 7 " + file + " 0 120":                                       7,
		"1: POSIX  ADVISORY  WRITE 7 " + file + " 122 200":                                     7,
		"1: POSIX  ADVISORY  WRITE 7 " + file + " 0 119":                                       0,
		"1: POSIX  ADVISORY  WRITE 7 " + file + " 123 130":                                     0,
		"1: POSIX  ADVISORY  READ 7 " + file + " 120 120":                                      0,
		"1: POSIX  ADVISORY  WRITE 7 " + fmt.Sprintf("%s:%d", device, stat.Ino+1) + " 120 120": 0,
		"1: POSIX  ADVISORY  WRITE -1 " + file + " 120 120":                                    0,
		"1: -> POSIX  ADVISORY  WRITE 7 " + file + " 120 120":                                  0,
	} {
		if pid, ok := lockOf([]byte(line+"\n"), path, "WRITE", shmFirst, shmLast); pid*map[bool]int{true: 1}[ok] != want {
			t.Errorf("%s names process %d, %v; want %d", line, pid, ok, want)
		}
	}
}
