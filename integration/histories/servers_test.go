package histories

import (
	"context"
	"math/rand/v2"
	"net"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint/integration/internal/network"
	"github.com/checkpointstore/checkpoint/internal/redistest"
	"github.com/checkpointstore/checkpoint/redisstore"
)

// answerWithin is how long a client waits for the server.
const answerWithin = 150 * time.Millisecond

// durable lets a server keep, over a SIGKILL, what it has acknowledged.
var durable = []string{"appendonly yes", "appendfsync always"}

// A server has a proxy before it.
type server struct {
	*redistest.Server
	proxy *network.Proxy
}

// servers are one, or the masters of a cluster, no replica of which could take over.
type servers struct {
	t      *testing.T
	nodes  []*server
	owner  map[string]*server // of the slots that were moved
	random *rand.Rand
	key    func() string // names one that clients write
}

func startServers(t *testing.T, masters int) *servers {
	t.Helper()
	config := append([]string{"enable-debug-command local"}, durable...)
	var nodes []*redistest.Server
	if masters == 1 {
		nodes = append(nodes, redistest.Start(t, config...))
	} else {
		nodes = redistest.StartCluster(t, masters, 0, config...)
	}
	s := &servers{t: t, owner: make(map[string]*server)}
	for _, n := range nodes {
		p, err := network.New(n.Addr())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.Close)
		s.nodes = append(s.nodes, &server{n, p})
	}
	return s
}

func redisAt(t *testing.T, addr string) engine {
	t.Helper()
	client := redis.NewClient(&redis.Options{
		Addr: addr, DialTimeout: answerWithin, ReadTimeout: answerWithin, WriteTimeout: answerWithin, DialerRetries: 1,
	})
	t.Cleanup(func() { client.Close() })
	return over(t, client)
}

// direct connects beside the proxies.
func (s *servers) direct() engine {
	s.t.Helper()
	return s.connect(func(addr string) string { return addr })
}

// proxied connects through them, also where a cluster redirects.
func (s *servers) proxied() engine {
	s.t.Helper()
	proxies := make(map[string]string)
	for _, n := range s.nodes {
		proxies[n.Addr()] = n.proxy.Addr()
	}
	return s.connect(func(addr string) string { return proxies[addr] })
}

func (s *servers) connect(by func(addr string) string) engine {
	s.t.Helper()
	if len(s.nodes) == 1 {
		return redisAt(s.t, by(s.nodes[0].Addr()))
	}
	var addrs []string
	for _, n := range s.nodes {
		addrs = append(addrs, n.Addr())
	}
	client := redis.NewClusterClient(&redis.ClusterOptions{
		Addrs: addrs, ReadTimeout: answerWithin, WriteTimeout: answerWithin, DialerRetries: 1,
		Dialer: func(ctx context.Context, protocol, addr string) (net.Conn, error) {
			return (&net.Dialer{Timeout: answerWithin}).DialContext(ctx, protocol, by(addr))
		},
	})
	s.t.Cleanup(func() { client.Close() })
	return over(s.t, client)
}

func over(t *testing.T, client redis.UniversalClient) engine {
	t.Helper()
	d, err := redisstore.New(client, nil)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// any is one of the servers.
func (s *servers) any() *server { return s.nodes[s.random.IntN(len(s.nodes))] }

func (s *servers) hurt(n *server, faults ...network.Fault) {
	s.t.Helper()
	if err := n.proxy.Hurt(faults...); err != nil {
		s.t.Fatal(err)
	}
}

func (s *servers) heal(n *server) {
	s.t.Helper()
	if err := n.proxy.Heal(); err != nil {
		s.t.Fatal(err)
	}
}

func killClients(n *server) { n.Do("CLIENT", "KILL", "TYPE", "normal") }
