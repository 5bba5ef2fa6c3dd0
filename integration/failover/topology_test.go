package failover

import (
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint/internal/redistest"
)

// A topology is servers of which one is the master of the others, or several
// are.
type topology interface {
	// client follows the master.
	client() redis.UniversalClient
	// replicas is how many each master has.
	replicas() int
	// prefix begins keys that a master holds.
	prefix(master *redistest.Server) string
	// master is one that is to be taken away, the next each time.
	master() *redistest.Server
	// command asks that master to hand over, and returns when it has.
	command(master *redistest.Server)
	// awaitSuccessor waits until another server is master in its place.
	awaitSuccessor(master *redistest.Server)
	// rejoin makes a former master a replica that was started again.
	rejoin(former *redistest.Server)
	// awaitWhole waits until all servers are there, and know of it.
	awaitWhole()
}

// A kind is how a master is taken away.
type kind string

const (
	killed  kind = "killed"
	asked   kind = "asked"
	stopped kind = "stopped"
)

var kinds = []kind{killed, asked, stopped}

// failOver takes a master away, calls between when another one is there, and
// returns when all is whole again.
func failOver(top topology, k kind, master *redistest.Server, between func()) {
	switch k {
	case killed:
		master.Kill()
		top.awaitSuccessor(master)
		between()
		master.Restart()
		top.rejoin(master)
	case asked:
		top.command(master)
		between()
	case stopped:
		master.Pause()
		top.awaitSuccessor(master)
		between()
		master.Resume()
	}
	top.awaitWhole()
}

// admin is a client of one server, for questions that may fail.
func admin(tb testing.TB, s *redistest.Server) *redis.Client {
	tb.Helper()
	c := redis.NewClient(&redis.Options{
		Addr: s.Addr(), MaxRetries: -1, DialerRetries: 1,
		DialTimeout: time.Second, ReadTimeout: time.Second,
	})
	tb.Cleanup(func() { c.Close() })
	return c
}

// ask is the text that a server answers a command with, or "" where it does not.
func ask(tb testing.TB, c *redis.Client, args ...any) string {
	tb.Helper()
	text, err := c.Do(tb.Context(), args...).Text()
	if err != nil {
		return ""
	}
	return text
}

// isReplica reports that c is a replica in step with its master.
func isReplica(tb testing.TB, c *redis.Client) bool {
	tb.Helper()
	info := ask(tb, c, "info", "replication")
	return strings.Contains(info, "role:slave\r\n") && strings.Contains(info, "master_link_status:up\r\n")
}
