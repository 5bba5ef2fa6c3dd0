package sqlitestore

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// SQLite locks these bytes to keep others from writing. In the shared memory
// they are the first for a write, the second to move the WAL, and the third to
// recover it. While the file is not in WAL mode, SQLite locks bytes of the file.
const (
	shmFirst, shmLast   = 120, 122
	fileFirst, fileLast = 0x40000000, 0x40000000 + 511
)

// lockHolder returns the process that keeps others from writing to the file at
// path. It reads the system's list of locks. To ask for a lock, it would have
// to open the file, and closing the file again drops every lock of its own
// process on it.
func lockHolder(path string) (process, bool) {
	list, err := os.ReadFile("/proc/locks")
	if err != nil {
		return process{}, false
	}
	for _, l := range []struct {
		path        string
		first, last uint64
	}{{path + "-shm", shmFirst, shmLast}, {path, fileFirst, fileLast}} {
		if pid, ok := lockOf(list, l.path, "WRITE", l.first, l.last); ok {
			return describeProcess(pid), true
		}
	}
	return process{}, false
}

// userOf names a process that has the file at path open. Each such process has
// a lock on one byte of the shared memory.
func userOf(path string) string {
	const open = 128
	list, err := os.ReadFile("/proc/locks")
	if err != nil {
		return ""
	}
	pid, ok := lockOf(list, resolve(path)+"-shm", "READ", open, open)
	if !ok {
		return ""
	}
	return fmt.Sprintf(" by %s", describeProcess(pid))
}

// lockOf finds the process that holds a lock on any of the bytes first to last
// of a file.
func lockOf(list []byte, path, access string, first, last uint64) (pid int, ok bool) {
	var stat unix.Stat_t
	if unix.Stat(path, &stat) != nil {
		return 0, false
	}
	file := fmt.Sprintf("%02x:%02x:%d", unix.Major(stat.Dev), unix.Minor(stat.Dev), stat.Ino)
	lines := bufio.NewScanner(bytes.NewReader(list))
	for lines.Scan() {
		var id, kind, mode, how, of string
		var start, end uint64
		// Lines of processes that wait for a lock, and of locks without an end,
		// do not scan.
		_, err := fmt.Sscan(lines.Text(), &id, &kind, &mode, &how, &pid, &of, &start, &end)
		if err == nil && how == access && of == file && start <= last && first <= end && pid > 0 {
			return pid, true
		}
	}
	return 0, false
}

func describeProcess(pid int) process {
	p := process{pid: pid, name: "?"}
	if stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)); err == nil {
		// pid (name) state ...; the name may contain any character
		text := string(stat)
		from, to := strings.Index(text, "("), strings.LastIndex(text, ") ")
		if from >= 0 && to > from {
			p.name = text[from+1 : to]
			p.stopped = strings.HasPrefix(text[to+2:], "T")
		}
	}
	return p
}
