package histories

import (
	"time"

	"github.com/checkpointstore/checkpoint/integration/internal/network"
)

// A fault lasts from its call until the node is healed.
type fault struct {
	name   string
	strike func(s *site, n *node)
}

// ofNetwork are faults of the connections to a node.
var ofNetwork = []fault{
	{"connections are reset", func(s *site, n *node) {
		s.hurt(n, network.Requests("reset_peer", "timeout", 0))
		s.hangUp(n) // resets those to come
	}},
	{"replies are reset", func(s *site, n *node) {
		s.hurt(n, network.Replies("reset_peer", "timeout", 0))
	}},
	{"replies are late", func(s *site, n *node) {
		s.hurt(n, network.Replies("latency", "latency", s.random.IntN(300)))
	}},
	{"requests are late", func(s *site, n *node) {
		s.hurt(n, network.Requests("latency", "latency", 150+s.random.IntN(200)))
	}},
	{"a black hole", func(s *site, n *node) { s.hurt(n, network.Cut(false)...) }},
	{"a black hole that gives back what was sent", func(s *site, n *node) { s.hurt(n, network.Cut(true)...) }},
	{"replies are lost", func(s *site, n *node) {
		s.hurt(n, network.Replies("timeout", "timeout", 0))
	}},
	{"requests are lost", func(s *site, n *node) {
		s.hurt(n, network.Requests("timeout", "timeout", 0))
	}},
	{"connections are half open", func(s *site, n *node) {
		// The server has closed them, and no client hears of it.
		s.hurt(n, network.Replies("slow_close", "delay", 3600_000))
		s.hangUp(n)
	}},
	{"clients read slowly", func(s *site, n *node) {
		s.hurt(n, network.Replies("bandwidth", "rate", 1))
	}},
	{"replies are cut off", func(s *site, n *node) {
		s.hurt(n, network.Replies("limit_data", "bytes", 1+s.random.IntN(1000)))
	}},
	{"requests are cut off", func(s *site, n *node) {
		s.hurt(n, network.Requests("limit_data", "bytes", 1+s.random.IntN(3000)))
	}},
	{"replies come in pieces", func(s *site, n *node) {
		s.hurt(n, network.Replies("slicer", "average_size", 2))
	}},
}

// ofServer are faults of a node, whatever its engine.
var ofServer = []fault{
	{"connections are closed", func(s *site, n *node) {
		for range 10 {
			s.hangUp(n)
			time.Sleep(10 * time.Millisecond) // they come back
		}
	}},
	{"SIGSTOP", func(_ *site, n *node) {
		n.Pause()
		time.Sleep(250 * time.Millisecond)
		n.Resume()
	}},
	{"SIGKILL", func(_ *site, n *node) { n.Restart() }},
}
