package sqlitestore

import (
	"path/filepath"

	"golang.org/x/sys/unix"
)

// mountedAlone reports whether the file at path is a mount of its own. "docker run
// -v file.db:/data/file.db" makes such a mount. Linux before 5.8 does not tell.
func mountedAlone(path string) bool {
	file, ok := mountOf(path)
	folder, known := mountOf(filepath.Dir(path))
	return ok && known && file != folder
}

func mountOf(path string) (uint64, bool) {
	var stat unix.Statx_t
	err := unix.Statx(unix.AT_FDCWD, path, 0, unix.STATX_MNT_ID, &stat)
	return stat.Mnt_id, err == nil && stat.Mask&unix.STATX_MNT_ID != 0
}
