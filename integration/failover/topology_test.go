package failover

import (
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/internal/redistest"
)

// A topology is servers of which one is the master of the others, or several
// are.
type topology interface {
	// store opens a store that follows the master. If it waits, all replicas have what it
	// has acknowledged.
	store(waits bool) *checkpoint.Store
	// clinging opens a store that stays with a master, whatever becomes of that.
	clinging(master server, waits bool) *checkpoint.Store
	// prefix begins keys that a master holds.
	prefix(master server) string
	// master is one that is to be taken away, the next each time.
	master() server
	// command asks that master to hand over, and returns when it has.
	command(master server)
	// awaitSuccessor waits until another server is master in its place.
	awaitSuccessor(master server)
	// restart starts a former master that was killed, as a replica.
	restart(former server)
	// resume lets a former master go on that was stopped.
	resume(former server)
	// awaitWhole waits until all servers are there, and know of it.
	awaitWhole()
}

// A server is what every server can do.
type server interface {
	Addr() string
	Kill()
	Pause()
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
func failOver(top topology, k kind, master server, between func()) {
	switch k {
	case killed:
		master.Kill()
		top.awaitSuccessor(master)
		between()
		top.restart(master)
	case asked:
		top.command(master)
		between()
	case stopped:
		master.Pause()
		top.awaitSuccessor(master)
		between()
		top.resume(master)
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
