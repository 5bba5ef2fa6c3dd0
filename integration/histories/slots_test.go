package histories

import (
	"strconv"
	"strings"
	"time"
)

// slots are those of a cluster.
type slots struct {
	*site
	owner map[string]*node // of the slots that were moved
}

// fault moves slots from node to node.
func (s *slots) fault() fault {
	return fault{"slots move", func(*site, *node) {
		for range 4 {
			s.move(s.key())
		}
	}}
}

// move moves the slot of a key, and everything in it, to another node.
func (s *slots) move(key string) {
	s.t.Helper()
	slot := redisOf(s.nodes[0]).Do("CLUSTER", "KEYSLOT", "checkpoint:"+key).(int64)
	name := strconv.FormatInt(slot, 10)
	from, ok := s.owner[name]
	if !ok {
		from = s.firstOwner(int(slot))
	}
	to := from
	for to == from {
		to = s.any()
	}
	s.owner[name] = to
	id := redisOf(to).Do("CLUSTER", "MYID").(string)
	redisOf(to).Do("CLUSTER", "SETSLOT", name, "IMPORTING", redisOf(from).Do("CLUSTER", "MYID").(string))
	redisOf(from).Do("CLUSTER", "SETSLOT", name, "MIGRATING", id)
	time.Sleep(20 * time.Millisecond) // clients meet it in the middle of its way
	host, port, _ := strings.Cut(to.Addr(), ":")
	for _, k := range redisOf(from).Do("CLUSTER", "GETKEYSINSLOT", name, "1000").([]any) {
		redisOf(from).Do("MIGRATE", host, port, k.(string), "0", "5000")
		time.Sleep(20 * time.Millisecond)
	}
	redisOf(to).Do("CLUSTER", "SETSLOT", name, "NODE", id)
	for _, n := range s.nodes {
		redisOf(n).Do("CLUSTER", "SETSLOT", name, "NODE", id)
	}
}

// firstOwner is who has a slot that was never moved.
func (s *slots) firstOwner(slot int) *node {
	i := len(s.nodes) - 1
	for slot < i*16384/len(s.nodes) {
		i--
	}
	return s.nodes[i]
}

// whole reports whether every node of a cluster answers for its slots.
func (s *slots) whole() bool {
	for _, n := range s.nodes {
		if !strings.Contains(redisOf(n).Do("CLUSTER", "INFO").(string), "cluster_state:ok") {
			return false
		}
	}
	return true
}
