package redistest

import (
	"os"
	"os/exec"
	"path/filepath"
)

// oldest is the server on which tests run if nobody chooses another.
const oldest = "redis-7.0"

// program finds the redis-server that tests start. The environment's REDISTEST_SERVER
// chooses one by its name in scripts/install-servers.sh, such as redis-8. Without
// that variable, program takes the oldest of them, or the redis-server on PATH.
func program(tb TB) string {
	tb.Helper()
	chosen := os.Getenv("REDISTEST_SERVER")
	name := chosen
	if name == "" {
		name = oldest
	}
	path := filepath.Join(checkout(tb), ".bin", "servers", name, "bin", "redis-server")
	if _, err := os.Stat(path); err == nil {
		return path
	}
	if chosen != "" {
		tb.Fatalf("REDISTEST_SERVER is %q, but there is no %s: run `make servers`, or unset the variable", chosen, path)
	}
	path, err := exec.LookPath("redis-server")
	if err != nil {
		tb.Fatalf("this test needs a real redis-server: run `make servers`, or install one with your package manager")
	}
	return path
}

// checkout is the root of this repository. It is the root of the file system if the
// test runs somewhere else.
func checkout(tb TB) string {
	tb.Helper()
	folder, err := os.Getwd()
	if err != nil {
		tb.Fatalf("the working directory is unknown: %v", err)
	}
	for folder != filepath.Dir(folder) {
		if _, err := os.Stat(filepath.Join(folder, "go.work")); err == nil {
			break
		}
		folder = filepath.Dir(folder)
	}
	return folder
}
