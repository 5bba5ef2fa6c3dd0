package sqlitestore

import (
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"
)

// A folder has the WAL and the shared memory. Its time changes whenever somebody makes,
// renames or removes a file in it. So while the time stays, both files are those that they
// were, unless somebody mounts another file over one of them.
type folder struct {
	path string // "": its time says nothing
	kept atomic.Pointer[folderState]
}

// A folderState is which folder is at the path, and when its files last changed.
type folderState struct {
	dev, ino uint64
	changed  syscall.Timespec
}

// set says where parts are.
func (f *folder) set(parts []part) {
	for _, p := range parts {
		if info, err := os.Lstat(p.path); err != nil || info.Mode()&fs.ModeSymlink != 0 {
			return // its target may be replaced in another folder
		}
	}
	f.path = filepath.Dir(parts[0].path)
}

// look returns the state of now, and whether it is the one that was kept.
func (f *folder) look() (now folderState, same bool) {
	var stat syscall.Stat_t
	if f.path == "" || syscall.Stat(f.path, &stat) != nil {
		return now, false
	}
	now = folderState{uint64(stat.Dev), stat.Ino, stat.Ctim} //nolint:unconvert // it has 32 bits on some systems
	kept := f.kept.Load()
	return now, kept != nil && *kept == now
}

// keep keeps s. Afterwards the files were those that were opened.
func (f *folder) keep(s folderState) {
	if s.settled(time.Now()) {
		f.kept.Store(&s)
	}
}

// settled reports whether the next change will have another time than the last. Linux counts
// the time of changes in ticks of up to 10 ms. Some file systems keep whole seconds.
func (s folderState) settled(now time.Time) bool {
	const tick = 10 * time.Millisecond
	changed := time.Unix(s.changed.Unix())
	return changed.Nanosecond()%int(tick) != 0 && now.Sub(changed) > 10*tick
}
