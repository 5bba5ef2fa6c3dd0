package histories

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint/integration/internal/network"
)

// answerWithin is how long a client waits for the server.
const answerWithin = 150 * time.Millisecond

// sites are the engines that have servers.
var sites = map[string]func(*testing.T) *site{
	"standalone": func(t *testing.T) *site { t.Helper(); return startRedis(t, 1) },
	"cluster":    func(t *testing.T) *site { t.Helper(); return startRedis(t, 3) },
	"PostgreSQL": startPostgres,
	"etcd":       startEtcd,
}

// A site is the servers of an engine, and what only that engine has.
type site struct {
	t     *testing.T
	nodes []*node

	connect func(by func(addr string) string) engine // to the servers, by other addresses
	hangUp  func(n *node)                            // the server closes the connections of all clients
	own     []fault                                  // of its servers
	whole   func() bool                              // nil: it is always

	random *rand.Rand
	key    func() string // names one that clients write
}

// A node is a server with a proxy before it.
type node struct {
	server
	proxy *network.Proxy
}

// A server is what the faults need of every server.
type server interface {
	Addr() string
	Restart() // by kill -9
	Pause()   // by kill -STOP
	Resume()
}

func newSite[S server](t *testing.T, servers ...S) *site {
	t.Helper()
	s := &site{t: t}
	for _, server := range servers {
		p, err := network.New(server.Addr())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.Close)
		s.nodes = append(s.nodes, &node{server, p})
	}
	return s
}

// direct connects beside the proxies.
func (s *site) direct() engine {
	s.t.Helper()
	return s.connect(func(addr string) string { return addr })
}

// proxied connects through them, also where a cluster redirects.
func (s *site) proxied() engine {
	s.t.Helper()
	proxies := make(map[string]string)
	for _, n := range s.nodes {
		proxies[n.Addr()] = n.proxy.Addr()
	}
	return s.connect(func(addr string) string { return proxies[addr] })
}

// any is one of the servers.
func (s *site) any() *node { return s.nodes[s.random.IntN(len(s.nodes))] }

func (s *site) hurt(n *node, faults ...network.Fault) {
	s.t.Helper()
	if err := n.proxy.Hurt(faults...); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) heal(n *node) {
	s.t.Helper()
	if err := n.proxy.Heal(); err != nil {
		s.t.Fatal(err)
	}
}

// loseReplies lets what the proxied clients send land without an answer, again and
// again. When that heals, their connections end.
func (s *site) loseReplies(h *history) {
	s.t.Helper()
	for range 10 {
		h.operate(s.t, 30)
		for _, n := range s.nodes {
			s.hurt(n, network.Replies("timeout", "timeout", 0))
		}
		h.operate(s.t, 20)
		for _, n := range s.nodes {
			s.heal(n)
		}
	}
}

// outlast plays rounds with the clients of two processes behind the proxies, and
// those of one beside them, while faults strike: those of the network, and those of the
// servers.
func outlast(t *testing.T, start func(*testing.T) *site) {
	t.Helper()
	for _, name := range []string{"network", "server"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first := chooseSeed(t)
			s := start(t)
			faults := ofNetwork
			if name == "server" {
				faults = slices.Concat(s.own, ofServer)
			}
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
func (s *site) strike(h *history, faults []fault) {
	s.t.Helper()
	for _, i := range s.random.Perm(len(faults)) {
		h.operate(s.t, 50)
		before := h.String()
		for range 1 + s.random.IntN(3) {
			n := s.any()
			faults[i].strike(s, n)
			pause(s.t.Context(), time.Duration(30+s.random.IntN(200))*time.Millisecond)
			s.heal(n)
			if s.whole != nil {
				until(s.t, "the cluster is whole", s.whole)
			}
			h.operate(s.t, 20)
		}
		s.t.Logf("%s: from %s to %s", faults[i].name, before, h)
	}
	h.operate(s.t, 100)
}
