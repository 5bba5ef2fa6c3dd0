package cli_test

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/cli"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/engine"
	"github.com/checkpointstore/checkpoint/group"
	"github.com/checkpointstore/checkpoint/internal/leaktest"
	"github.com/checkpointstore/checkpoint/internal/redistest"
)

func TestMain(m *testing.M) {
	testscript.Main(leaktest.Check(m), programs)
}

// programs are what scripts may run.
var programs = map[string]func(){
	"checkpoint": func() { os.Exit(cli.Main(engine.Standard)) },
}

// TestScripts runs the command as a user does, one script a topic. In a script, $REDIS is
// the URL of a real server with a namespace of the script's own, $ADDR the server's host
// and port, and $NS the namespace. $SILENT is the URL of a server that never answers, and
// $EVICTING the URL of a server that evicts any key. $AGO0H to $AGO6H are times, so many hours ago. $LONG is longer than a key or a log
// id may be. `redis` sends a command to the server. `exits N` runs a command that must end
// with exit code N. `lock FILE` keeps an SQLite file locked until the script ends. `lease
// KEY OWNER` grants an hour's lease, with a FILE before KEY in the store of this file. `member
// GROUP NAME PARTITION...` makes a member of the group that holds the partitions, and lives
// for an hour.
func TestScripts(t *testing.T) {
	server := redistest.Start(t)
	evicting := redistest.Start(t, "maxmemory-policy allkeys-lru")
	silent, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { silent.Close() })
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			ns := filepath.Base(env.WorkDir) + ":"
			env.Setenv("NS", ns)
			env.Setenv("ADDR", server.Addr())
			env.Setenv("REDIS", server.URL()+"/0?namespace="+ns)
			env.Setenv("EVICTING", evicting.URL())
			env.Setenv("SILENT", "redis://"+silent.Addr().String())
			for hours := range 7 {
				at := time.Now().Add(-time.Duration(hours) * time.Hour).UTC()
				env.Setenv(fmt.Sprintf("AGO%dH", hours), at.Format(time.RFC3339))
			}
			env.Setenv("LONG", strings.Repeat("x", 600))
			// The race detector otherwise waits a second at each exit.
			env.Setenv("GORACE", "atexit_sleep_ms=0")
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"redis": func(_ *testscript.TestScript, _ bool, args []string) {
				for i := range args {
					args[i] = strings.ReplaceAll(args[i], `\n`, "\n")
				}
				server.Do(args...)
			},
			"bytes":  writeBytes,
			"lease":  takeLease,
			"member": joinGroup,
			"lock":   lock,
			"exits":  exits,
			"sqlite": inSQLite,
			"repeat": func(ts *testscript.TestScript, _ bool, args []string) {
				repeat(ts, args)
			},
		},
	})
}

// lock keeps the SQLite file locked, as another process would, until the script ends.
func lock(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: lock FILE")
	}
	db, err := sql.Open("sqlite", ts.MkAbs(args[0])+"?_txlock=immediate")
	ts.Check(err)
	ts.Defer(func() { db.Close() })
	tx, err := db.BeginTx(context.Background(), nil)
	ts.Check(err)
	ts.Defer(func() { _ = tx.Rollback() })
}

// inSQLite runs a statement on a file: sqlite FILE STATEMENT.
func inSQLite(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: sqlite FILE STATEMENT")
	}
	db, err := sql.Open("sqlite", ts.MkAbs(args[0]))
	ts.Check(err)
	defer db.Close()
	_, err = db.ExecContext(context.Background(), args[1])
	ts.Check(err)
}

// takeLease grants a lease in the script's store, as to a consumer that then runs.
func takeLease(ts *testscript.TestScript, _ bool, args []string) {
	url := ts.Getenv("CHECKPOINT_STORE")
	switch {
	case len(args) == 3:
		url, args = ts.MkAbs(args[0]), args[1:]
	case len(args) != 2:
		ts.Fatalf("usage: lease [FILE] KEY OWNER")
	case url == "":
		url = ts.MkAbs("checkpoints.db")
	}
	inStore(ts, url, func(ctx context.Context, store *checkpoint.Store) {
		_, err := store.Acquire(ctx, args[0], args[1], time.Hour)
		ts.Check(err)
	})
}

func inStore(ts *testscript.TestScript, url string, do func(context.Context, *checkpoint.Store)) {
	ctx := context.Background()
	d, err := engine.Standard.Open(ctx, url, true, slog.New(slog.DiscardHandler))
	ts.Check(err)
	store := checkpoint.New(d, nil)
	do(ctx, store)
	ts.Check(store.Close())
}

// joinGroup does what a member of a group does at its first sign of life.
func joinGroup(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: member GROUP NAME PARTITION...")
	}
	url := cmp.Or(ts.Getenv("CHECKPOINT_STORE"), ts.MkAbs("checkpoints.db"))
	inStore(ts, url, func(ctx context.Context, store *checkpoint.Store) {
		name, m := args[0], checkpoint.Member{Name: args[1], Host: "db1", PID: 7, Weight: 1, Since: time.Now()}
		_, err := store.Beat(ctx, name, m, time.Hour)
		ts.Check(err)
		ts.Check(store.DeclareGroup(ctx, name))
		for _, partition := range args[2:] {
			_, err := store.Acquire(ctx, group.Key(name, partition), m.Name, time.Hour)
			ts.Check(err)
		}
	})
}

func exits(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARG...")
	}
	err := ts.Exec(args[1], args[2:]...)
	code := "0"
	if err != nil {
		code = strings.TrimPrefix(err.Error(), "exit status ")
	}
	if code != args[0] {
		ts.Fatalf("it ended with exit code %s, want %s", code, args[0])
	}
}

// writeBytes writes a text with Go's escapes to a file: bytes FILE TEXT.
func writeBytes(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: bytes FILE TEXT")
	}
	text, err := strconv.Unquote(`"` + strings.ReplaceAll(args[1], `"`, `\"`) + `"`)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600))
}

// repeat writes a text N times to a file: repeat FILE N TEXT.
func repeat(ts *testscript.TestScript, args []string) {
	var n int
	if len(args) != 3 {
		ts.Fatalf("usage: repeat FILE N TEXT")
	}
	if _, err := fmt.Sscan(args[1], &n); err != nil {
		ts.Fatalf("repeat: %v", err)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.Repeat(args[2], n)), 0o600))
}
