package redistest

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// slots is how many hash slots a cluster has.
const slots = 16384

// StartCluster starts a cluster of masters, each with the given number of
// replicas, and waits until every node sees the whole cluster. It returns the
// masters first, and then the replicas, in the order of their masters.
func StartCluster(tb TB, masters, replicas int, config ...string) []*Server {
	tb.Helper()
	nodes := make([]*Server, masters*(1+replicas))
	for i := range nodes {
		nodes[i] = Start(tb, append([]string{"cluster-enabled yes", "cluster-node-timeout 5000"}, config...)...)
	}
	for i, n := range nodes[:masters] {
		// Without given epochs, the masters would first have to agree on them.
		n.Do("CLUSTER", "SET-CONFIG-EPOCH", strconv.Itoa(i+1))
		n.Do("CLUSTER", "ADDSLOTSRANGE", strconv.Itoa(i*slots/masters), strconv.Itoa((i+1)*slots/masters-1))
	}
	for _, n := range nodes[1:] {
		nodes[0].Do("CLUSTER", "MEET", "127.0.0.1", strconv.Itoa(n.port), strconv.Itoa(n.busPort))
	}
	for i, n := range nodes[masters:] {
		master := nodes[i/replicas]
		id := master.Do("CLUSTER", "MYID").(string)
		until(tb, "a replica knows its master", func() bool {
			_, err := n.try("CLUSTER", "REPLICATE", id)
			return err == nil
		})
	}
	for _, n := range nodes {
		until(tb, "every node sees the cluster whole", func() bool { return n.seesWholeCluster(len(nodes), masters) })
	}
	return nodes
}

func (s *Server) seesWholeCluster(nodes, masters int) bool {
	info := s.Do("CLUSTER", "INFO").(string)
	for _, want := range []string{
		"cluster_state:ok", "cluster_slots_ok:16384",
		fmt.Sprintf("cluster_known_nodes:%d", nodes), fmt.Sprintf("cluster_size:%d", masters),
	} {
		if !strings.Contains(info, want+"\r\n") {
			return false
		}
	}
	replicas := strings.Count(s.Do("CLUSTER", "NODES").(string), "slave")
	linked := !strings.Contains(s.Do("INFO", "replication").(string), "master_link_status:down")
	return replicas == nodes-masters && linked
}

func until(tb TB, what string, ok func() bool) {
	tb.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			tb.Fatalf("after %v it is still not so that %s", patience, what)
		}
	}
}
