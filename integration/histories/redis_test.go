package histories

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint/internal/redistest"
	"github.com/checkpointstore/checkpoint/redisstore"
)

// TestRedis lets every fault strike a server while clients work.
func TestRedis(t *testing.T) {
	t.Parallel()
	outlast(t, sites["standalone"])
}

// TestCluster lets them strike the nodes of a cluster, and moves slots under their
// clients.
func TestCluster(t *testing.T) {
	t.Parallel()
	outlast(t, sites["cluster"])
}

// durable lets a server keep, over a SIGKILL, what it has acknowledged.
var durable = []string{"appendonly yes", "appendfsync always"}

// startRedis starts a server, or the masters of a cluster, no replica of which could take
// over.
func startRedis(t *testing.T, masters int) *site {
	t.Helper()
	var s *site
	if masters == 1 {
		s = newSite(t, redistest.Start(t, durable...))
		s.connect = func(by func(string) string) engine { return redisAt(t, by(s.nodes[0].Addr())) }
	} else {
		s = newSite(t, redistest.StartCluster(t, masters, 0, durable...)...)
		s.connect = func(by func(string) string) engine { return clusterAt(s, by) }
		moving := &slots{s, make(map[string]*node)}
		s.own = append(s.own, moving.fault())
		s.whole = moving.whole
	}
	s.hangUp = func(n *node) { redisOf(n).Do("CLIENT", "KILL", "TYPE", "normal") }
	s.own = append(s.own, fault{"SCRIPT FLUSH", func(_ *site, n *node) {
		for range 20 {
			redisOf(n).Do("SCRIPT", "FLUSH")
			time.Sleep(5 * time.Millisecond) // they load it again
		}
	}})
	return s
}

func redisOf(n *node) *redistest.Server { return n.server.(*redistest.Server) }

func redisAt(t *testing.T, addr string) engine {
	t.Helper()
	client := redis.NewClient(&redis.Options{
		Protocol: 2, // so that calls that are alone have a connection of their own
		Addr:     addr, DialTimeout: answerWithin, ReadTimeout: answerWithin, WriteTimeout: answerWithin, DialerRetries: 1,
	})
	t.Cleanup(func() { client.Close() })
	return over(t, client)
}

func clusterAt(s *site, by func(addr string) string) engine {
	s.t.Helper()
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
