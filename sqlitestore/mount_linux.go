package sqlitestore

import (
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// mountedAlone reports whether the file at path is a mount of its own. "docker run
// -v file.db:/data/file.db" makes such a mount. Path must have no links in it.
func mountedAlone(path string) bool {
	file, ok := mountOf(path)
	folder, known := mountOf(filepath.Dir(path))
	if ok && known {
		return file != folder
	}
	list, _ := os.ReadFile("/proc/self/mountinfo")
	return isMountPoint(string(list), path)
}

// mountOf returns the number of the mount that path is in. Linux before 5.8 does not tell.
func mountOf(path string) (uint64, bool) {
	var stat unix.Statx_t
	err := unix.Statx(unix.AT_FDCWD, path, 0, unix.STATX_MNT_ID, &stat)
	return stat.Mnt_id, err == nil && stat.Mask&unix.STATX_MNT_ID != 0
}

// mountEscapes are the characters that the list of mounts escapes.
var mountEscapes = strings.NewReplacer(`\`, `\134`, " ", `\040`, "\t", `\011`, "\n", `\012`, "#", `\043`)

// isMountPoint looks for path in the list of mounts, which has a mount a line, and where it
// is mounted as the fifth field.
func isMountPoint(list, path string) bool {
	escaped := mountEscapes.Replace(path)
	for line := range strings.Lines(list) {
		if fields := strings.Fields(line); len(fields) > 4 && fields[4] == escaped {
			return true
		}
	}
	return false
}
