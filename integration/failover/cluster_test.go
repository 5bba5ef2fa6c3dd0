package failover

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/internal/redistest"
)

// shards is a cluster of three masters with a replica each.
type shards struct {
	redisOrPostgres
	t       *testing.T
	servers []*redistest.Server // server i and server i+3 are a shard
	admins  []*redis.Client
	next    int // the shard whose master is the next to go
}

func startCluster(t *testing.T) *shards {
	t.Helper()
	s := &shards{t: t}
	s.servers = redistest.StartCluster(t, 3, 1, "cluster-node-timeout 800", "repl-diskless-sync-delay 0")
	for _, server := range s.servers {
		s.admins = append(s.admins, admin(t, server))
	}
	s.awaitWhole()
	return s
}

func (s *shards) client() redis.UniversalClient {
	var addrs []string
	for _, server := range s.servers {
		addrs = append(addrs, server.Addr())
	}
	return redis.NewClusterClient(&redis.ClusterOptions{Addrs: addrs, DialTimeout: time.Second, ReadTimeout: readTimeout})
}

func (s *shards) store(waits bool) *checkpoint.Store {
	return storeOver(s.t, s.client(), waitsFor(waits, 1))
}

func (s *shards) clinging(master server, waits bool) *checkpoint.Store {
	return storeOver(s.t, admin(s.t, master.(*redistest.Server)), waitsFor(waits, 1))
}

// resume needs no help: the former master hears of its successor.
func (s *shards) resume(former server) { former.(*redistest.Server).Resume() }

// prefix is a hash tag that leads to the shard of master.
func (s *shards) prefix(master server) string {
	shard := int64(s.successor(master) % 3)
	for n := 0; ; n++ {
		tag := fmt.Sprintf("{%d}", n)
		slot, err := s.admins[0].ClusterKeySlot(s.t.Context(), tag).Result()
		if err != nil {
			s.t.Fatal(err)
		}
		if slot >= shard*16384/3 && slot < (shard+1)*16384/3 {
			return tag
		}
	}
}

func (s *shards) isMaster(i int) bool {
	return strings.HasPrefix(ask(s.t, s.admins[i], "info", "replication"), "# Replication\r\nrole:master\r\n")
}

func (s *shards) master() server {
	i := s.next
	s.next = (s.next + 1) % 3
	until(s.t, "a server of the shard says that it is master", func() bool {
		if s.isMaster(i) {
			return true
		}
		i = (i + 3) % 6
		return false
	})
	return s.servers[i]
}

// successor is who takes over from a master.
func (s *shards) successor(master server) int {
	for i, server := range s.servers {
		if server == master {
			return (i + 3) % 6
		}
	}
	panic("no server of this cluster")
}

func (s *shards) command(master server) {
	i := s.successor(master)
	until(s.t, "the replica takes over", func() bool {
		if ask(s.t, s.admins[i], "cluster", "failover") != "OK" {
			return false
		}
		for deadline := time.Now().Add(time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
			if s.isMaster(i) {
				return true
			}
		}
		return false
	})
}

func (s *shards) awaitSuccessor(master server) {
	i := s.successor(master)
	until(s.t, "the replica takes over", func() bool { return s.isMaster(i) })
}

// restart leaves the rest to the node, which finds in its file that it has a cluster.
func (s *shards) restart(former server) { former.(*redistest.Server).Restart() }

func (s *shards) awaitWhole() {
	until(s.t, "every node sees the cluster whole", func() bool {
		for i, c := range s.admins {
			nodes := ask(s.t, c, "cluster", "nodes")
			whole := strings.Contains(ask(s.t, c, "cluster", "info"), "cluster_state:ok\r\n") &&
				!strings.Contains(nodes, "fail") && !strings.Contains(nodes, "handshake") &&
				strings.Count(nodes, "slave") == 3
			if !whole || !s.isMaster(i) && !isReplica(s.t, c) {
				return false
			}
		}
		return true
	})
}
