package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/checkpointstore/checkpoint/internal/leaktest"
	"github.com/checkpointstore/checkpoint/internal/redistest"
)

func TestMain(m *testing.M) { os.Exit(leaktest.Check(m).Run()) }

// start starts a PostgreSQL of its own, and returns its URL.
func start(t *testing.T) (url string) {
	t.Helper()
	folder, err := os.MkdirTemp("", "pg") //nolint:usetesting // what is in TempDir is closed to nobody, who runs the server
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	if os.Getuid() == 0 {
		if err := os.Chown(folder, nobody, nobody); err != nil {
			t.Fatal(err)
		}
	}
	data := filepath.Join(folder, "data")
	if out, err := command(t, "initdb", "-D", data, "--no-locale", "-E", "UTF8", "-A", "trust", "-U", "postgres", "--no-sync").CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	server := command(t, "postgres", "-D", data, "-k", folder, "-c", "listen_addresses=", "-c", "wal_level=logical", "-c", "fsync=off")
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(server.Process.Signal(os.Interrupt), server.Wait()); err != nil {
			t.Error(err)
		}
	})
	url = "host=" + folder + " user=postgres dbname=postgres"
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		conn, err := pgx.Connect(t.Context(), url)
		if err == nil {
			conn.Close(t.Context())
			return url
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

const nobody = 65534 // PostgreSQL does not run as root

// command is a program of the PostgreSQL that scripts/install-servers.sh unpacks, or of
// the one on PATH.
func command(t *testing.T, name string, args ...string) *exec.Cmd {
	t.Helper()
	path := filepath.Join("..", "..", ".bin", "servers", "postgres-15", "bin", name)
	if _, err := os.Stat(path); err != nil {
		if path, err = exec.LookPath(name); err != nil {
			t.Fatalf("this test needs a real PostgreSQL, and %s is missing: run `make servers`, or put one on PATH", name)
		}
	}
	cmd := exec.Command(path, args...)
	redistest.DieWithParent(cmd)
	if os.Getuid() == 0 {
		if cmd.SysProcAttr == nil {
			cmd.SysProcAttr = new(syscall.SysProcAttr)
		}
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
	}
	return cmd
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}

// A db is a connection or a transaction.
type db interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

func execute(t *testing.T, db db, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := db.Exec(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}
