package histories

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint/internal/redistest"
	"github.com/checkpointstore/checkpoint/redisstore"
)

// A cluster is three masters, and no replica that could take over.
type cluster struct {
	nodes  []*redistest.Server
	owner  map[string]int // of the slots that were moved
	random *rand.Rand
}

func redisCluster(t *testing.T, nodes []*redistest.Server) engine {
	t.Helper()
	var addrs []string
	for _, n := range nodes {
		addrs = append(addrs, n.Addr())
	}
	client := redis.NewClusterClient(&redis.ClusterOptions{
		Addrs: addrs, DialTimeout: answerWithin, ReadTimeout: answerWithin, WriteTimeout: answerWithin, DialerRetries: 1,
	})
	t.Cleanup(func() { client.Close() })
	return redisstore.New(client, nil)
}

// clusterFaults are given what names a key that clients write.
var clusterFaults = []struct {
	name   string
	strike func(c *cluster, key func() string)
}{
	{"CLIENT KILL", func(c *cluster, _ func() string) {
		for range 10 {
			killClients(c.nodes[c.random.IntN(len(c.nodes))])
			time.Sleep(10 * time.Millisecond) // they come back
		}
	}},
	{"SCRIPT FLUSH", func(c *cluster, _ func() string) {
		for range 20 {
			c.nodes[c.random.IntN(len(c.nodes))].Do("SCRIPT", "FLUSH")
			time.Sleep(5 * time.Millisecond) // they load it again
		}
	}},
	{"SIGKILL", func(c *cluster, _ func() string) { c.nodes[c.random.IntN(len(c.nodes))].Restart() }},
	{"slots move", func(c *cluster, key func() string) {
		for range 4 {
			c.move(key())
		}
	}},
}

// move moves the slot of a key, and everything in it, to another node.
func (c *cluster) move(key string) {
	slot := c.nodes[0].Do("CLUSTER", "KEYSLOT", "checkpoint:"+key).(int64)
	name := strconv.FormatInt(slot, 10)
	owner, ok := c.owner[name]
	if !ok {
		owner = c.firstOwner(int(slot))
	}
	next := (owner + 1) % len(c.nodes)
	c.owner[name] = next
	from, to := c.nodes[owner], c.nodes[next]
	id := to.Do("CLUSTER", "MYID").(string)
	to.Do("CLUSTER", "SETSLOT", name, "IMPORTING", from.Do("CLUSTER", "MYID").(string))
	from.Do("CLUSTER", "SETSLOT", name, "MIGRATING", id)
	time.Sleep(20 * time.Millisecond) // clients meet it in the middle of its way
	host, port, _ := strings.Cut(to.Addr(), ":")
	for _, k := range from.Do("CLUSTER", "GETKEYSINSLOT", name, "1000").([]any) {
		from.Do("MIGRATE", host, port, k.(string), "0", "5000")
		time.Sleep(20 * time.Millisecond)
	}
	to.Do("CLUSTER", "SETSLOT", name, "NODE", id)
	for _, n := range c.nodes {
		n.Do("CLUSTER", "SETSLOT", name, "NODE", id)
	}
}

// firstOwner is who has a slot that was never moved.
func (c *cluster) firstOwner(slot int) int {
	i := len(c.nodes) - 1
	for slot < i*16384/len(c.nodes) {
		i--
	}
	return i
}

// TestCluster kills masters, none of which fails over, and moves slots under their
// clients.
func TestCluster(t *testing.T) {
	t.Parallel()
	first := chooseSeed(t)
	c := &cluster{nodes: redistest.StartCluster(t, 3, 0, durable...), owner: make(map[string]int)}
	engines := []engine{redisCluster(t, c.nodes), redisCluster(t, c.nodes), redisCluster(t, c.nodes)}
	for i := range uint64(*rounds) {
		c.random = rand.New(rand.NewPCG(first+i, 0))
		h := newHistory(strconv.FormatUint(i, 10))
		play(t, h, first+i, engines, func() {
			for _, n := range c.random.Perm(len(clusterFaults)) {
				f := clusterFaults[n]
				h.operate(t, 100)
				before := h.String()
				f.strike(c, func() string { return h.currentKey(c.random.IntN(keysAtOnce)) })
				until(t, "the cluster is whole", c.whole)
				h.operate(t, 100)
				t.Logf("%s: from %s to %s", f.name, before, h)
			}
		})
		hold(t, h)
		if h.counts["unknown"] == 0 {
			t.Error("no write was left without an answer")
		}
	}
}

// whole reports whether every node answers for its slots.
func (c *cluster) whole() bool {
	for _, n := range c.nodes {
		if !strings.Contains(n.Do("CLUSTER", "INFO").(string), "cluster_state:ok") {
			return false
		}
	}
	return true
}
