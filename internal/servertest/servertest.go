// Package servertest finds the servers that scripts/install-servers.sh unpacks, and
// helps to start them in tests.
package servertest

import (
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
)

// TB is the part of testing.TB that is needed here.
type TB interface {
	Helper()
	Fatalf(format string, args ...any)
	Logf(format string, args ...any)
	Cleanup(f func())
	TempDir() string
}

// Program finds a program of the server that tests start. The environment's variable
// chooses the server by its name in scripts/install-servers.sh. If the variable is not
// set, Program takes the program of the usual server, or the one on PATH.
func Program(tb TB, variable, usual, program string) string {
	tb.Helper()
	chosen := os.Getenv(variable)
	name := chosen
	if name == "" {
		name = usual
	}
	path := filepath.Join(checkout(tb), ".bin", "servers", name, "bin", program)
	if _, err := os.Stat(path); err == nil {
		return path
	}
	if chosen != "" {
		tb.Fatalf("%s is %q, but there is no %s: run `make servers`, or unset the variable", variable, chosen, path)
	}
	path, err := exec.LookPath(program)
	if err != nil {
		tb.Fatalf("this test needs a real %s: run `make servers`, or install one with your package manager", program)
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
		if _, err := os.Stat(filepath.Join(folder, "scripts", "install-servers.sh")); err == nil {
			break
		}
		folder = filepath.Dir(folder)
	}
	return folder
}

// given has the ports that a server may want again.
var given sync.Map

// FreePort returns a port of 127.0.0.1 that nobody listens on, for a server that may start
// several times. So the port is below those that systems choose for programs that ask for any.
// Another process may take it before the caller does.
func FreePort(tb TB) int {
	tb.Helper()
	const first, end = 10_000, 32_768
	for range 1000 {
		port := first + rand.IntN(end-first)
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			continue
		}
		l.Close()
		if _, taken := given.LoadOrStore(port, true); !taken {
			return port
		}
	}
	tb.Fatalf("no port is free")
	return 0
}
