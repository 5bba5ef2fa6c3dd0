package sqlitestore

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// What SQLite locks to keep others from writing: bytes of the shared memory (the
// first for a write, the next to move the log, the third to recover it), and
// bytes of the file while it is not in WAL mode.
const (
	shmFirst, shmLast   = 120, 122
	fileFirst, fileLast = 0x40000000, 0x40000000 + 511
)

// lockHolder is the process that keeps others from writing to the file at path.
// It reads the system's list: to ask for a lock, one opens the file, and as one
// closes it, every lock of the own process on it is lost.
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

// userOf names a process that has the file at path open: each has a lock on one
// byte of the shared memory.
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

// lockOf finds who holds a lock on one of some bytes of a file.
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
		// Those that wait for a lock, and locks without an end, do not fit.
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
		// pid (name) state ...; the name may have any character
		text := string(stat)
		from, to := strings.Index(text, "("), strings.LastIndex(text, ") ")
		if from >= 0 && to > from {
			p.name = text[from+1 : to]
			p.stopped = strings.HasPrefix(text[to+2:], "T")
		}
	}
	return p
}
