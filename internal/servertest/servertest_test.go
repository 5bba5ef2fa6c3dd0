package servertest

import (
	"os"
	"path/filepath"
	"testing"
)

// refusal is a test whose failure is a panic.
type refusal struct{ testing.TB }

func (refusal) Fatalf(string, ...any) { panic("refused") }

func TestTheChosenServerIsTheOneThatRuns(t *testing.T) {
	root := t.TempDir()
	place := func(file string) (path string) {
		t.Helper()
		path = filepath.Join(root, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o700); err != nil {
			t.Fatal(err)
		}
		return path
	}
	find := func(chosen string) (path string) {
		t.Setenv("REDISTEST_SERVER", chosen)
		defer func() {
			if recover() != nil {
				path = "refused"
			}
		}()
		return Program(refusal{t}, "REDISTEST_SERVER", "redis-7.0", "redis-server")
	}
	want := func(chosen, want string) {
		t.Helper()
		if got := find(chosen); got != want {
			t.Errorf("with REDISTEST_SERVER=%q it is %s, want %s", chosen, got, want)
		}
	}
	place("checkout/scripts/install-servers.sh")
	place("checkout/integration/go.work")
	onPath := place("path/redis-server")
	t.Setenv("PATH", filepath.Dir(onPath))
	t.Chdir(filepath.Dir(place("checkout/integration/failover/x_test.go")))

	want("", onPath)
	want("redis-8", "refused") // and not the one on PATH
	want("", place("checkout/.bin/servers/redis-7.0/bin/redis-server"))
	want("redis-8", place("checkout/.bin/servers/redis-8/bin/redis-server"))
}
