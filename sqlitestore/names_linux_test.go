package sqlitestore_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestFileMountedWithoutItsFolder opens a file through a mount of the file, as
// "docker run -v file.db:/data/file.db" makes one, and through one of its folder.
func TestFileMountedWithoutItsFolder(t *testing.T) {
	if out, err := exec.CommandContext(t.Context(), "unshare", "-rm", "true").CombinedOutput(); err != nil {
		t.Skipf("nobody may mount here: %v: %s", err, out)
	}
	source, target := t.TempDir(), t.TempDir()
	path := filepath.Join(source, "file.db")
	openAt(t, path).Close()
	write(t, filepath.Join(target, "file.db"), "")
	for _, test := range []struct{ name, from, to, want string }{
		{"the file", path, filepath.Join(target, "file.db"), "it is mounted without its folder"},
		{"the folder", source, target, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), "unshare", "-rm", "sh", "-c", `mount --bind "$1" "$2" && exec "$0"`,
				os.Args[0], test.from, test.to)
			cmd.Env = append(os.Environ(), envRole+"=open", envPath+"="+filepath.Join(target, "file.db"), envNumber+"=0")
			out, err := cmd.CombinedOutput()
			if (err != nil) != (test.want != "") || !strings.Contains(string(out), test.want) {
				t.Errorf("Open: %v: %s; want %q", err, out, test.want)
			}
		})
	}
}
