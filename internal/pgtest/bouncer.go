package pgtest

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/checkpointstore/checkpoint/internal/servertest"
)

// A Bouncer is a PgBouncer in transaction mode before a Server. Its methods are for one
// goroutine at a time.
type Bouncer struct {
	process
	port int
}

// StartBouncer starts a PgBouncer before every database of s. Each string in config is
// one more setting, which may replace one: "pool_mode=session".
func StartBouncer(tb TB, s *Server, config ...string) *Bouncer {
	tb.Helper()
	b := &Bouncer{process: process{tb: tb, folder: newFolder(tb)}}
	tb.Cleanup(func() { b.end(os.Interrupt) })
	for attempt := 0; ; attempt++ {
		b.port = servertest.FreePort(tb)
		err := b.launch(s, config)
		if err == nil {
			return b
		}
		if attempt == 5 {
			tb.Fatalf("pgbouncer does not start: %v\n%s", err, b.output)
		}
	}
}

func (b *Bouncer) launch(s *Server, config []string) error {
	lines := append([]string{
		"[databases]",
		fmt.Sprintf("* = host=127.0.0.1 port=%d user=postgres", s.port),
		"[pgbouncer]",
		"listen_addr = 127.0.0.1",
		fmt.Sprintf("listen_port = %d", b.port),
		"unix_socket_dir =",
		"auth_type = any", // every client is postgres
		"pool_mode = transaction",
		"server_round_robin = 1", // so that a client's statements meet several servers
		"ignore_startup_parameters = extra_float_digits",
	}, config...)
	file := filepath.Join(b.folder, "pgbouncer.ini")
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
		return err
	}
	return b.start(servertest.Program(b.tb, "PGTEST_BOUNCER", "pgbouncer-1.18", "pgbouncer"), []string{file}, b.ready)
}

func (b *Bouncer) ready() bool {
	conn, err := net.Dial("tcp", b.Addr())
	if err != nil {
		return false
	}
	return conn.Close() == nil
}

// Addr is the host:port at which PgBouncer listens.
func (b *Bouncer) Addr() string { return fmt.Sprintf("127.0.0.1:%d", b.port) }

// URL is the address of a database behind PgBouncer.
func (b *Bouncer) URL(database string) string {
	return fmt.Sprintf("postgres://postgres@%s/%s?sslmode=disable", b.Addr(), database)
}
