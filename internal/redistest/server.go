// Package redistest starts real Redis servers for tests. Each server is a
// process on a free port of 127.0.0.1, in a temporary folder. It ends with its
// test.
package redistest

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/checkpointstore/checkpoint/internal/servertest"
)

// TB is the part of testing.TB that is needed here.
type TB = servertest.TB

// oldest is the server on which tests run if nobody chooses another.
const oldest = "redis-7.0"

// patience is how long a server may take for what a test asks of it.
const patience = 30 * time.Second

// A Server is one redis-server process. A method that cannot do its work fails
// the test. The methods are for one goroutine at a time.
type Server struct {
	tb      TB
	port    int
	busPort int // of a node of a cluster
	dir     string
	config  []string
	mode    string      // an argument of redis-server, or ""
	trust   *tls.Config // of a server that speaks TLS

	cmd    *exec.Cmd
	exited chan struct{}
	output *bytes.Buffer
}

// Start starts a server that keeps nothing on disk. Each string in config is one
// more directive, as in redis.conf: "appendonly yes". If there is no
// redis-server, the test fails and says what to do.
func Start(tb TB, config ...string) *Server {
	tb.Helper()
	return start(tb, &Server{config: config})
}

func start(tb TB, s *Server) *Server {
	tb.Helper()
	s.tb, s.dir = tb, tb.TempDir()
	tb.Cleanup(s.Kill)
	// Between choosing a free port and binding it somebody else may take it.
	for attempt := 0; ; attempt++ {
		s.port = servertest.FreePort(tb)
		if slices.Contains(s.config, "cluster-enabled yes") {
			// By default, Redis puts the bus at port+10000, which may be out of range.
			s.busPort = servertest.FreePort(tb)
		}
		err := s.launch()
		if err == nil {
			return s
		}
		if attempt == 5 {
			tb.Fatalf("redis-server does not start: %v\n%s", err, s.output)
		}
	}
}

func (s *Server) launch() error {
	port := "port " + strconv.Itoa(s.port)
	if s.trust != nil {
		port = "port 0\ntls-" + port
	}
	lines := append([]string{
		port,
		"bind 127.0.0.1",
		"dir " + s.dir,
		`save ""`,
		"daemonize no",
		"loglevel warning",
	}, s.config...)
	if s.busPort != 0 {
		lines = append(lines, "cluster-port "+strconv.Itoa(s.busPort))
	}
	s.output = new(bytes.Buffer)
	// The configuration is a file, since a Sentinel writes to it what it
	// learns.
	file := filepath.Join(s.dir, "redis.conf")
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		return err
	}
	args := []string{file}
	if s.mode != "" {
		args = append(args, s.mode)
	}
	s.cmd = exec.Command(servertest.Program(s.tb, "REDISTEST_SERVER", oldest, "redis-server"), args...)
	s.cmd.Stdout, s.cmd.Stderr = s.output, s.output
	servertest.DieWithParent(s.cmd)
	if err := s.cmd.Start(); err != nil {
		return err
	}
	exited := make(chan struct{})
	s.exited = exited
	cmd := s.cmd
	go func() {
		defer close(exited)
		_ = cmd.Wait()
	}()
	return s.waitReady()
}

func (s *Server) waitReady() error {
	for deadline := time.Now().Add(patience); ; {
		reply, err := s.try("PING")
		// A server is up even if it wants a password, or is loading its data.
		if err == nil && reply != nil {
			return nil
		}
		if e := ServerError(""); errors.As(err, &e) && !strings.HasPrefix(string(e), "LOADING") {
			return nil
		}
		select {
		case <-s.exited:
			return fmt.Errorf("it exited at once")
		case <-time.After(5 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("it does not answer: %w", err)
		}
	}
}

// Addr is the server's host:port.
func (s *Server) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// URL is the server's address: redis://host:port, or rediss://host:port if the
// server speaks TLS.
func (s *Server) URL() string {
	if s.trust != nil {
		return "rediss://" + s.Addr()
	}
	return "redis://" + s.Addr()
}

// Kill ends the process as kill -9 does. Killing it again does nothing.
func (s *Server) Kill() {
	if s.cmd == nil || s.cmd.Process == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	<-s.exited
}

// Restart kills the server and starts it again on the same port and folder.
func (s *Server) Restart() {
	s.tb.Helper()
	s.Kill()
	// The connections of the old process may keep the port busy for a moment.
	var err error
	for range 50 {
		if err = s.launch(); err == nil {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	s.tb.Fatalf("redis-server does not start again: %v\n%s", err, s.output)
}
