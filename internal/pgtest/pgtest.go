// Package pgtest starts real PostgreSQL servers and PgBouncers for tests. Each server
// listens on a free port of 127.0.0.1, has its data in a temporary folder, and ends
// with its test.
package pgtest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/checkpointstore/checkpoint/internal/servertest"
)

// TB is the part of testing.TB that is needed here.
type TB = servertest.TB

// oldest is the server on which tests run unless PGTEST_SERVER names another.
const oldest = "postgres-15"

// patience is how long a server may take for what a test asks of it.
const patience = 60 * time.Second

// A Server is one PostgreSQL. A method that cannot do its work fails the test. The
// methods are for one goroutine at a time.
type Server struct {
	process
	port      int
	data      string
	config    []string
	databases atomic.Int32
}

// Start starts a server that does not sync its files. Each string in config is one more
// setting: "max_connections=20". The superuser is postgres, and nobody needs a
// password.
func Start(tb TB, config ...string) *Server {
	tb.Helper()
	s := newServer(tb, config)
	s.run("initdb", "-D", s.data, "--no-locale", "-E", "UTF8", "-A", "trust", "-U", "postgres", "--no-sync")
	return s.begin()
}

// StartReplica starts a server that streams from primary.
func StartReplica(tb TB, primary *Server, config ...string) *Server {
	tb.Helper()
	s := newServer(tb, config)
	s.copy(primary)
	s.begin()
	// It takes connections before it connects to the primary.
	for deadline := time.Now().Add(patience); s.SQL("postgres", "SELECT count(*) FROM pg_stat_wal_receiver WHERE status = 'streaming'") != "1"; {
		if time.Now().After(deadline) {
			tb.Fatalf("the replica does not stream from its primary:\n%s", s.output)
		}
		time.Sleep(20 * time.Millisecond)
	}
	return s
}

func (s *Server) copy(primary *Server) {
	s.tb.Helper()
	s.run("pg_basebackup", "-d", primary.URL("postgres"), "-D", s.data, "-R", "-c", "fast", "-X", "stream", "--no-sync")
}

// Follow ends the server as Kill does, if it runs, and starts it again on the same port,
// as a new replica of primary.
func (s *Server) Follow(primary *Server) {
	s.tb.Helper()
	s.Kill()
	if err := os.RemoveAll(s.data); err != nil {
		s.tb.Fatalf("the former data of a replica stay: %v", err)
	}
	s.copy(primary)
	s.Restart()
}

func newServer(tb TB, config []string) *Server {
	tb.Helper()
	folder := newFolder(tb)
	return &Server{process: process{tb: tb, folder: folder}, data: filepath.Join(folder, "data"), config: config}
}

func (s *Server) begin() *Server {
	s.tb.Helper()
	s.tb.Cleanup(s.Stop)
	for attempt := 0; ; attempt++ {
		s.port = servertest.FreePort(s.tb)
		err := s.launch()
		if err == nil {
			return s
		}
		if attempt == 5 {
			s.tb.Fatalf("postgres does not start: %v\n%s", err, s.output)
		}
	}
}

func (s *Server) launch() error {
	args := []string{"-D", s.data, "-k", s.folder}
	settings := []string{"listen_addresses=127.0.0.1", "port=" + strconv.Itoa(s.port), "fsync=off", "wal_level=logical"}
	for _, setting := range append(settings, s.config...) {
		args = append(args, "-c", setting)
	}
	// What an earlier process has written would look like an answer of this one.
	_ = os.Remove(s.pidFile())
	return s.start(program(s.tb, "postgres"), args, s.ready)
}

func (s *Server) pidFile() string { return filepath.Join(s.data, "postmaster.pid") }

// ready reports whether the server accepts connections. The last line of its pid file
// says so.
func (s *Server) ready() bool {
	text, err := os.ReadFile(s.pidFile())
	if err != nil {
		return false
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	status := strings.TrimSpace(lines[len(lines)-1])
	return len(lines) >= 8 && (status == "ready" || status == "standby")
}

// Addr is the server's host:port.
func (s *Server) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// URL is the address of a database, for the superuser.
func (s *Server) URL(database string) string {
	return fmt.Sprintf("postgres://postgres@%s/%s?sslmode=disable", s.Addr(), database)
}

// NewDatabase makes an empty database, and returns its URL.
func (s *Server) NewDatabase() (url string) {
	s.tb.Helper()
	name := fmt.Sprintf("test%d", s.databases.Add(1))
	s.SQL("postgres", "CREATE DATABASE "+name)
	return s.URL(name)
}

// SQL runs statements by psql as the superuser, and returns the rows without any
// decoration.
func (s *Server) SQL(database, statements string) string {
	s.tb.Helper()
	return s.SQLAt(s.URL(database), statements)
}

// SQLAt is SQL for any address.
func (s *Server) SQLAt(url, statements string) string {
	s.tb.Helper()
	return s.run("psql", "-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", statements)
}

// Promote makes a replica a primary.
func (s *Server) Promote() {
	s.tb.Helper()
	s.SQL("postgres", "SELECT pg_promote()")
}

// Stop ends the server in order, and closes every connection. A server that has ended
// stays so.
func (s *Server) Stop() { s.end(os.Interrupt) }

// Restart ends the server as Kill does, if it runs, and starts it again on the same
// port and folder.
func (s *Server) Restart() {
	s.tb.Helper()
	s.Kill()
	err := s.launch()
	// A process that was killed holds the shared memory until it is gone, and another
	// process may use the port for a moment.
	for deadline := time.Now().Add(patience); err != nil && time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if out := s.output.String(); !strings.Contains(out, "is still in use") && !strings.Contains(out, "Address already in use") {
			break
		}
		err = s.launch()
	}
	if err != nil {
		s.tb.Fatalf("postgres does not start again: %v\n%s", err, s.output)
	}
}

// run runs a program of PostgreSQL to its end, and returns its output.
func (s *Server) run(name string, args ...string) string {
	s.tb.Helper()
	cmd := exec.Command(program(s.tb, name), args...)
	asNobody(cmd)
	out, err := cmd.CombinedOutput()
	if err != nil {
		s.tb.Fatalf("%s: %v\n%s", name, err, out)
	}
	return strings.TrimSpace(string(out))
}

func program(tb TB, name string) string {
	tb.Helper()
	return servertest.Program(tb, "PGTEST_SERVER", oldest, name)
}
