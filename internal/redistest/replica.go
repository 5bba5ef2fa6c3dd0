package redistest

import (
	"fmt"
	"strconv"
	"strings"
	"syscall"
)

// StartReplica starts a server that replicates master, and waits until it has
// all the data of master.
func StartReplica(tb TB, master *Server, config ...string) *Server {
	tb.Helper()
	// By default, a master waits seconds for more replicas before it sends anything.
	master.Do("CONFIG", "SET", "repl-diskless-sync-delay", "0")
	s := Start(tb, append([]string{
		"replicaof 127.0.0.1 " + strconv.Itoa(master.port), "repl-diskless-sync-delay 0",
	}, config...)...)
	known := fmt.Sprintf("port=%d,state=online", s.port)
	until(tb, "the master has heard of its replica", func() bool {
		return strings.Contains(master.Do("INFO", "replication").(string), known)
	})
	return s
}

// AwaitLink waits until a replica is in step with its master.
func (s *Server) AwaitLink() {
	s.tb.Helper()
	until(s.tb, "the replica is linked to its master", func() bool {
		return strings.Contains(s.Do("INFO", "replication").(string), "master_link_status:up")
	})
}

// Pause stops the process as kill -STOP does. The process answers nothing, and
// its connections stay. Resume lets it go on.
func (s *Server) Pause() { s.signal(syscall.SIGSTOP) }

// Resume ends a Pause.
func (s *Server) Resume() { s.signal(syscall.SIGCONT) }

func (s *Server) signal(sig syscall.Signal) {
	s.tb.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.tb.Fatalf("%v: %v", sig, err)
	}
}
