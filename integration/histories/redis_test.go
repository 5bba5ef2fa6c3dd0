package histories

import (
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint/integration/internal/network"
)

// A fault lasts from its call until the node is healed.
type fault struct {
	name   string
	strike func(s *servers, n *server)
}

// ofNetwork are faults of the connections to a node.
var ofNetwork = []fault{
	{"connections are reset", func(s *servers, n *server) {
		s.hurt(n, network.Requests("reset_peer", "timeout", 0))
		killClients(n) // resets those to come
	}},
	{"replies are reset", func(s *servers, n *server) {
		s.hurt(n, network.Replies("reset_peer", "timeout", 0))
	}},
	{"replies are late", func(s *servers, n *server) {
		s.hurt(n, network.Replies("latency", "latency", s.random.IntN(300)))
	}},
	{"requests are late", func(s *servers, n *server) {
		s.hurt(n, network.Requests("latency", "latency", 150+s.random.IntN(200)))
	}},
	{"a black hole", func(s *servers, n *server) { s.hurt(n, network.Cut(false)...) }},
	{"a black hole that gives back what was sent", func(s *servers, n *server) { s.hurt(n, network.Cut(true)...) }},
	{"replies are lost", func(s *servers, n *server) {
		s.hurt(n, network.Replies("timeout", "timeout", 0))
	}},
	{"requests are lost", func(s *servers, n *server) {
		s.hurt(n, network.Requests("timeout", "timeout", 0))
	}},
	{"connections are half open", func(s *servers, n *server) {
		// The server has closed them, and no client hears of it.
		s.hurt(n, network.Replies("slow_close", "delay", 3600_000))
		killClients(n)
	}},
	{"clients read slowly", func(s *servers, n *server) {
		s.hurt(n, network.Replies("bandwidth", "rate", 1))
	}},
	{"replies are cut off", func(s *servers, n *server) {
		s.hurt(n, network.Replies("limit_data", "bytes", 1+s.random.IntN(1000)))
	}},
	{"requests are cut off", func(s *servers, n *server) {
		s.hurt(n, network.Requests("limit_data", "bytes", 1+s.random.IntN(3000)))
	}},
	{"replies come in pieces", func(s *servers, n *server) {
		s.hurt(n, network.Replies("slicer", "average_size", 2))
	}},
}

// ofServer are faults of a node.
var ofServer = []fault{
	{"CLIENT KILL", func(_ *servers, n *server) {
		for range 10 {
			killClients(n)
			time.Sleep(10 * time.Millisecond) // they come back
		}
	}},
	{"SCRIPT FLUSH", func(_ *servers, n *server) {
		for range 20 {
			n.Do("SCRIPT", "FLUSH")
			time.Sleep(5 * time.Millisecond) // they load it again
		}
	}},
	{"DEBUG SLEEP", func(_ *servers, n *server) { n.Do("DEBUG", "SLEEP", "0.25") }},
	{"SIGKILL", func(_ *servers, n *server) { n.Restart() }},
}

// ofSlots moves slots from node to node.
var ofSlots = fault{"slots move", func(s *servers, _ *server) {
	for range 4 {
		s.move(s.key())
	}
}}

// TestRedis lets every fault strike a server while clients work.
func TestRedis(t *testing.T) {
	t.Parallel()
	outlast(t, 1, map[string][]fault{"network": ofNetwork, "server": ofServer})
}

// TestCluster lets them strike the nodes of a cluster, and moves slots under their
// clients.
func TestCluster(t *testing.T) {
	t.Parallel()
	outlast(t, 3, map[string][]fault{"network": ofNetwork, "server": append([]fault{ofSlots}, ofServer...)})
}

// outlast plays rounds with the clients of two processes behind the proxies, and
// those of one beside them.
func outlast(t *testing.T, masters int, groups map[string][]fault) {
	t.Helper()
	for name, faults := range groups {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first := chooseSeed(t)
			s := startServers(t, masters)
			engines := []engine{s.proxied(), s.proxied(), s.direct()}
			for i := range uint64(*rounds) {
				h := newHistory(strconv.FormatUint(i, 10))
				s.random = rand.New(rand.NewPCG(first+i, 0))
				s.key = func() string { return h.currentKey(s.random.IntN(keysAtOnce)) }
				play(t, h, first+i, engines, func() { s.strike(h, faults) })
				hold(t, h)
				if h.counts["unknown"] == 0 {
					t.Error("no operation was left without an answer")
				}
			}
		})
	}
}

// strike lets each fault strike, in any order, with some work in between.
func (s *servers) strike(h *history, faults []fault) {
	s.t.Helper()
	for _, i := range s.random.Perm(len(faults)) {
		h.operate(s.t, 50)
		before := h.String()
		for range 1 + s.random.IntN(3) {
			n := s.any()
			faults[i].strike(s, n)
			pause(s.t.Context(), time.Duration(30+s.random.IntN(200))*time.Millisecond)
			s.heal(n)
			until(s.t, "the cluster is whole", s.whole)
			h.operate(s.t, 20)
		}
		s.t.Logf("%s: from %s to %s", faults[i].name, before, h)
	}
	h.operate(s.t, 100)
}
