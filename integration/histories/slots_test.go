package histories

import (
	"strconv"
	"strings"
	"time"
)

// move moves the slot of a key, and everything in it, to another node.
func (s *servers) move(key string) {
	s.t.Helper()
	slot := s.nodes[0].Do("CLUSTER", "KEYSLOT", "checkpoint:"+key).(int64)
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
	for _, n := range s.nodes {
		n.Do("CLUSTER", "SETSLOT", name, "NODE", id)
	}
}

// firstOwner is who has a slot that was never moved.
func (s *servers) firstOwner(slot int) *server {
	i := len(s.nodes) - 1
	for slot < i*16384/len(s.nodes) {
		i--
	}
	return s.nodes[i]
}

// whole reports whether every node of a cluster answers for its slots.
func (s *servers) whole() bool {
	if len(s.nodes) == 1 {
		return true
	}
	for _, n := range s.nodes {
		if !strings.Contains(n.Do("CLUSTER", "INFO").(string), "cluster_state:ok") {
			return false
		}
	}
	return true
}
