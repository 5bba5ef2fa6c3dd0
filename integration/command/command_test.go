package command

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/checkpointstore/checkpoint/integration/internal/etcdtest"
	"github.com/checkpointstore/checkpoint/internal/leaktest"
	"github.com/checkpointstore/checkpoint/internal/pgtest"
	"github.com/checkpointstore/checkpoint/internal/redistest"
)

// program is the folder of the command with every engine.
var program string

func TestMain(m *testing.M) {
	os.Exit(leaktest.Check(pgtest.Sharing(building{m}), etcdtest.Leftovers...).Run())
}

// building builds the command before the tests run.
type building struct{ tests leaktest.Tests }

func (b building) Run() int {
	folder, err := os.MkdirTemp("", "command")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(folder)
	program = folder
	build := exec.Command("go", "build", "-o", folder, "../../cmd/checkpoint/full/checkpoint")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return 1
	}
	return b.tests.Run()
}

// TestEveryCommand runs one script on each engine.
func TestEveryCommand(t *testing.T) {
	postgres := pgtest.Shared(t).NewDatabase()
	if out, err := exec.Command(filepath.Join(program, "checkpoint"), "schema", "--store", postgres, "--apply").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	run(t, "every", map[string]string{
		"redis":    redistest.Start(t).URL(),
		"postgres": postgres,
		"etcd":     etcdURL(t),
	})
}

// TestPostgreSQL runs what concerns PostgreSQL alone. $STORE is an empty database.
func TestPostgreSQL(t *testing.T) {
	run(t, "postgres", map[string]string{"": pgtest.Shared(t).NewDatabase()})
}

// TestEtcd runs what concerns etcd alone.
func TestEtcd(t *testing.T) {
	run(t, "etcd", map[string]string{"": etcdURL(t)})
}

func etcdURL(t *testing.T) string {
	t.Helper()
	return "etcd://" + strings.Join(etcdtest.Start(t, 1).Endpoints(), ",")
}

// run runs a script for each of the stores.
func run(t *testing.T, script string, stores map[string]string) {
	t.Helper()
	for name, url := range stores {
		t.Run(name, func(t *testing.T) {
			testscript.Run(t, testscript.Params{
				Files: []string{filepath.Join("testdata", "script", script+".txtar")},
				Setup: func(env *testscript.Env) error {
					env.Setenv("STORE", url)
					env.Setenv("CHECKPOINT_STORE", url)
					env.Setenv("PATH", program+string(filepath.ListSeparator)+env.Getenv("PATH"))
					return nil
				},
				Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){"exits": exits},
			})
		})
	}
}

// exits runs a command that must end with an exit code: exits CODE PROGRAM ARG...
func exits(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARG...")
	}
	code := "0"
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		code = strings.TrimPrefix(err.Error(), "exit status ")
	}
	if code != args[0] {
		ts.Fatalf("it ended with exit code %s, want %s", code, args[0])
	}
}
