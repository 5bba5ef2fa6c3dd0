package redisstore_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/internal/redistest"
	"github.com/checkpointstore/checkpoint/redisstore"
)

// TestRepeatedChangesWait: a replica is away. A change that the master has already,
// and so makes no more, must not be acknowledged by it.
func TestRepeatedChangesWait(t *testing.T) {
	master := redistest.Start(t)
	replica := redistest.StartReplica(t, master)
	enough := waiting(t, standalone(t, master), 1, long)
	must(enough.SetIfNewer(t.Context(), "orders", at(9, 9), checkpoint.Epoch(1)))
	lease := must(enough.Acquire(t.Context(), "leased", "a", time.Hour))
	replica.Pause()
	for name, call := range map[string]func(s *checkpoint.Store) error{
		"Delete":  func(s *checkpoint.Store) error { return s.Delete(t.Context(), "gone") },
		"Clear":   func(s *checkpoint.Store) error { return second(s.Clear(t.Context(), "none*")) },
		"Touch":   func(s *checkpoint.Store) error { return s.Touch(t.Context(), "orders", 0) },
		"Release": func(s *checkpoint.Store) error { return s.Release(t.Context(), lease) },
		"SetIfNewer that is stale": func(s *checkpoint.Store) error {
			return second(s.SetIfNewer(t.Context(), "orders", at(1, 1), checkpoint.Epoch(2)))
		},
	} {
		for _, time := range []string{"the first time", "the second time"} {
			// Each on a connection that has written nothing yet.
			unconfirmed(t, name+" "+time, call(waiting(t, standalone(t, master), 1, brief)), 0, 1)
		}
	}
	replica.Resume()
}

func TestClearOfAClusterWaitsForEveryMaster(t *testing.T) {
	nodes := redistest.StartCluster(t, 3, 1, "repl-diskless-sync-delay 0")
	client := cluster(t, nodes)
	if _, err := waiting(t, client, 1, long).Clear(t.Context(), "*"); err != nil {
		t.Fatal(err)
	}
	for i, replica := range nodes[3:] {
		replica.Pause()
		_, err := waiting(t, client, 1, brief).Clear(t.Context(), "*")
		unconfirmed(t, fmt.Sprint("Clear without replica ", i), err, 0, 1)
		replica.Resume()
	}
}

func TestOneWaitForManyCalls(t *testing.T) {
	const calls = 64
	master := redistest.Start(t)
	redistest.StartReplica(t, master)
	s := waiting(t, standalone(t, master), 1, long)
	must(s.SetIfNewer(t.Context(), "orders", at(1, 1)))
	before := commandCalls(master)
	together(t, master, calls, func(i int) error {
		return s.Set(t.Context(), fmt.Sprint(i), at(1, 1))
	})
	if n := commandCalls(master)["wait"] - before["wait"]; n < 1 || n > calls/4 {
		t.Errorf("%d calls at a time wait %d times", calls, n)
	}
}

// TestFsyncAOFWithoutInfo: a newer server would not help.
func TestFsyncAOFWithoutInfo(t *testing.T) {
	server := redistest.Start(t, "appendonly yes")
	server.Do("ACL", "SETUSER", "user", "on", ">secret", "~*", "&*", "+@all", "-info")
	_, err := redisstore.Open(t.Context(), "redis://user:secret@"+server.Addr()+"?fsync_aof=true", nil)
	if err == nil || !strings.Contains(err.Error(), "let the user call INFO") || !strings.Contains(err.Error(), "NOPERM") {
		t.Errorf("Open as a user without INFO is %v", err)
	}
}

func TestFsyncAOF(t *testing.T) {
	server := redistest.Start(t, "appendonly yes", "appendfsync everysec")
	set := func(server *redistest.Server, timeout time.Duration) error {
		client := redis.NewClient(&redis.Options{Addr: server.Addr(), ReadTimeout: 2 * long})
		t.Cleanup(func() { client.Close() })
		s := checkpoint.New(must(redisstore.New(client, &redisstore.Options{FsyncAOF: true, ReplicaTimeout: timeout})), nil)
		return s.Set(t.Context(), "orders", at(1, 1))
	}
	if server.Do("COMMAND", "INFO", "waitaof").([]any)[0] == nil {
		if err := set(server, long); err == nil || !strings.Contains(err.Error(), "use Redis 7.2") {
			t.Errorf("Set on a server without WAITAOF is %v", err)
		}
		wantKeys(t, server)
		return
	}
	if err := set(redistest.Start(t), long); err == nil || !strings.Contains(err.Error(), "set appendonly yes") {
		t.Errorf("Set on a server without an append-only file is %v", err)
	}
	if err := set(server, long); err != nil {
		t.Fatal(err)
	}
	if calls := commandCalls(server); calls["waitaof"] == 0 || calls["wait"] != 0 {
		t.Errorf("WAITAOF was called %d times, WAIT %d times", calls["waitaof"], calls["wait"])
	}
	server.Do("CONFIG", "SET", "appendfsync", "no")
	if err := set(server, brief); err == nil || !strings.Contains(err.Error(), "not on its disk") {
		t.Errorf("Set that no disk has: %v", err)
	}
}
