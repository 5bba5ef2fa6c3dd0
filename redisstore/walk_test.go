package redisstore_test

import (
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/internal/redistest"
)

func fill(t *testing.T, s *checkpoint.Store, n int) {
	t.Helper()
	var batch []checkpoint.Write
	for i := range n {
		batch = append(batch, checkpoint.Write{Key: fmt.Sprint("k", i), Mark: checkpoint.Mark{Position: at(uint64(i), 0)}, IfNewer: true})
	}
	must(s.Apply(t.Context(), batch...))
}

// walkAll scans, calls halfway in the middle, and returns how many distinct
// keys there were.
func walkAll(t *testing.T, s *checkpoint.Store, total int, halfway func()) (int, error) {
	t.Helper()
	seen := make(map[string]bool)
	for key, err := range s.Scan(t.Context(), "*", checkpoint.PageSize(20)) {
		if err != nil {
			return len(seen), err
		}
		if seen[key] {
			t.Errorf("%s came twice", key)
		}
		if seen[key] = true; len(seen) == total/2 {
			halfway()
		}
	}
	return len(seen), nil
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("after 30 s it is still not so that %s", what)
		}
	}
}

// A cursor means nothing to the process that comes after a restart: its hash
// tables are laid out anew.
func TestScanWhileTheServerRestarts(t *testing.T) {
	const n = 2000
	server := redistest.Start(t, durable...)
	client := standalone(t, server)
	s := inNamespace(t, client, "prod:")
	fill(t, s, n)
	found, err := walkAll(t, s, n, func() {
		server.Restart()
		eventually(t, "the client is connected again", func() bool { return client.Ping(t.Context()).Err() == nil })
	})
	if err != nil || found != n {
		t.Errorf("found %d of %d keys, %v", found, n, err)
	}
}

func TestScanWhileANodeOfAClusterRestarts(t *testing.T) {
	const n = 3000
	nodes := redistest.StartCluster(t, 3, 0, durable...)
	client := cluster(t, nodes)
	s := inNamespace(t, client, "prod:")
	fill(t, s, n)
	found, err := walkAll(t, s, n, func() {
		for _, node := range nodes {
			node.Restart()
		}
		eventually(t, "the cluster is whole again", func() bool { return whole(t, client) == nil })
	})
	if err != nil || found != n {
		t.Errorf("found %d of %d keys, %v", found, n, err)
	}
}

// Whoever is at a page for as long as a server is away has not used up the walks.
func TestScanWaitsForItsCallerToTryAgain(t *testing.T) {
	const n = 500
	client := standalone(t, redistest.Start(t))
	s := inNamespace(t, client, "prod:")
	fill(t, s, n)
	away, back := make(chan struct{}), make(chan struct{})
	client.AddHook(&scans{before: func(n int32) error {
		if n == 2 {
			close(away)
		}
		select {
		case <-back:
			return nil
		default:
		}
		if n == 1 {
			return nil
		}
		return io.EOF
	}})
	found, err := walkAll(t, s, 2, func() { // so at the first page
		<-away
		time.Sleep(3 * time.Second) // enough for all walks
		close(back)
	})
	if err != nil || found != n {
		t.Errorf("found %d of %d keys, %v", found, n, err)
	}
}

func TestScanWhileSentinelsFailOver(t *testing.T) {
	const n = 2000
	master := redistest.Start(t)
	host, port, _ := strings.Cut(master.Addr(), ":")
	replica := redistest.Start(t, "replicaof "+host+" "+port)
	sentinel := redistest.StartSentinel(t, "m", master)
	client := redis.NewFailoverClient(&redis.FailoverOptions{MasterName: "m", SentinelAddrs: []string{sentinel.Addr()}})
	t.Cleanup(func() { client.Close() })
	s := inNamespace(t, client, "prod:")
	fill(t, s, n)
	eventually(t, "the replica has everything", func() bool { return replica.Do("DBSIZE") == int64(n) })
	eventually(t, "the Sentinel knows the replica", func() bool {
		return len(sentinel.Do("SENTINEL", "REPLICAS", "m").([]any)) == 1
	})
	found, err := walkAll(t, s, n, func() {
		promoted := standalone(t, replica)
		eventually(t, "the replica is master", func() bool { // whose connections break as it becomes one
			failOver(t, sentinel, master)
			info, err := promoted.Info(t.Context(), "replication").Result()
			return err == nil && strings.Contains(info, "role:master")
		})
		master.Kill()
	})
	if err != nil || found != n {
		t.Errorf("found %d of %d keys, %v", found, n, err)
	}
}

// failOver asks a Sentinel to, which it may put off, or give up.
func failOver(t *testing.T, sentinel, master *redistest.Server) {
	t.Helper()
	client := redis.NewSentinelClient(&redis.Options{Addr: sentinel.Addr()})
	defer client.Close()
	host, port, _ := net.SplitHostPort(master.Addr())
	if addr, err := client.GetMasterAddrByName(t.Context(), "m").Result(); err == nil && slices.Equal(addr, []string{host, port}) {
		_ = client.Failover(t.Context(), "m").Err() // refused while it is at it
	}
}

// A slot that goes to a node that was walked already, and back before the end,
// leaves who serves what as it was.
func TestScanWhileASlotMovesAwayAndBack(t *testing.T) {
	const n = 300
	nodes := redistest.StartCluster(t, 3, 0)
	s := inNamespace(t, cluster(t, nodes), "prod:")
	fill(t, s, n)
	keys := make(map[*redistest.Server][]string)
	owner := func(key string) *redistest.Server {
		_, o, _ := place(t, nodes, "prod:checkpoint:"+key)
		return o
	}
	for i := range n {
		key := fmt.Sprint("k", i)
		keys[owner(key)] = append(keys[owner(key)], key)
	}
	var walked []*redistest.Server
	var victim, slot string
	var home *redistest.Server
	count, found := 0, make(map[string]bool)
	for key, err := range s.Scan(t.Context(), "*", checkpoint.PageSize(7)) {
		if err != nil {
			t.Fatal(err)
		}
		found[key] = true
		o := owner(key)
		if len(walked) < 3 && (len(walked) == 0 || walked[len(walked)-1] != o) {
			walked = append(walked, o)
			if len(walked) == 2 {
				for _, node := range nodes {
					if node != walked[0] && node != walked[1] {
						home = node
					}
				}
				victim = keys[home][0]
				slot, _, _ = place(t, nodes, "prod:checkpoint:"+victim)
				moveSlot(nodes, slot, home, walked[0])
			}
		}
		if o == home && key != victim {
			if count++; count == len(keys[home])-1 {
				moveSlot(nodes, slot, walked[0], home)
			}
		}
	}
	if len(found) != n {
		t.Errorf("found %d of %d keys; %s, which moved: %v", len(found), n, victim, found[victim])
	}
}

func TestScanOfAClusterThatIsNotWhole(t *testing.T) {
	nodes := redistest.StartCluster(t, 3, 0)
	s := inNamespace(t, cluster(t, nodes), "prod:")
	fill(t, s, 300)
	id := nodeID(nodes[2])
	nodes[2].Kill()
	for _, node := range nodes[:2] {
		node.Do("CLUSTER", "FORGET", id)
	}
	eventually(t, "the cluster has noticed", func() bool {
		return strings.Contains(nodes[0].Do("CLUSTER", "INFO").(string), "cluster_state:fail")
	})
	if found, err := walkAll(t, s, 300, func() {}); err == nil {
		t.Errorf("found %d of 300 keys, and no error", found)
	}
}

func TestOneNodeIsNotWalkedByAUserWhoMayNotAsk(t *testing.T) {
	nodes := redistest.StartCluster(t, 3, 0)
	fill(t, inNamespace(t, cluster(t, nodes), "prod:"), 100)
	nodes[0].Do(strings.Fields("ACL SETUSER reader on >secret -@all ~prod:* +ping +hmget +pttl +getrange +scan +role")...)
	client := redis.NewClient(&redis.Options{Addr: nodes[0].Addr(), Username: "reader", Password: "secret"})
	t.Cleanup(func() { client.Close() })
	if found, err := walkAll(t, inNamespace(t, client, "prod:"), 100, func() {}); err == nil {
		t.Errorf("found %d of 100 keys, and no error", found)
	}
}
