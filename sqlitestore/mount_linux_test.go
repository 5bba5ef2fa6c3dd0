package sqlitestore

import (
	"os"
	"strings"
	"testing"
)

// TestMountPoints: a kernel that does not number its mounts lists them.
func TestMountPoints(t *testing.T) {
	const list = "24 30 0:22 / /proc rw,nosuid - proc proc rw\n" +
		`36 30 8:1 /data/file.db /srv/a\040b\134c\011d\012e/file.db rw,noatime shared:1 - ext4 /dev/sda1 rw` + "\n"
	for path, want := range map[string]bool{
		"/proc":                              true,
		"/srv/a b\\c\td\ne/file.db":          true,
		"/srv/a b\\c\td\ne":                  false,
		"/data/file.db":                      false,
		`/srv/a\040b\134c\011d\012e/file.db`: false,
		"/":                                  false,
	} {
		if isMountPoint(list, path) != want {
			t.Errorf("%q is a mount: %v, want %v", path, !want, want)
		}
	}
	here, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Skip(err)
	}
	if !isMountPoint(string(here), "/proc") || isMountPoint(string(here), t.TempDir()) || strings.Count(string(here), "\n") == 0 {
		t.Errorf("the list of this process is misread:\n%s", here)
	}
}
