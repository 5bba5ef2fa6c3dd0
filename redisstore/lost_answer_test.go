package redisstore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/internal/redistest"
)

// A faultyDialer makes connections to one server that fail as asked.
type faultyDialer struct {
	node   string       // the address
	refuse atomic.Int32 // so many connections are refused
	match  string
	breaks atomic.Int32 // so many that write match break once the server has it
}

func (f *faultyDialer) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if addr == f.node && f.refuse.Add(-1) >= 0 {
		return nil, &net.OpError{Op: "dial", Err: errors.New("refused by the test")}
	}
	conn, err := new(net.Dialer).DialContext(ctx, network, addr)
	if err != nil || addr != f.node {
		return conn, err
	}
	return &breakingConn{Conn: conn, dialer: f}, nil
}

type breakingConn struct {
	net.Conn
	dialer *faultyDialer
	broken atomic.Bool
}

func (c *breakingConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	if bytes.Contains(b, []byte(c.dialer.match)) && c.dialer.breaks.Add(-1) >= 0 {
		c.broken.Store(true)
		// It sends what it has, and then no more.
		if tcp, ok := c.Conn.(*net.TCPConn); ok {
			_ = tcp.CloseWrite()
		}
	}
	return n, err
}

func (c *breakingConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if c.broken.Load() {
		return 0, io.EOF
	}
	return n, err
}

// TestAnAnswerThatIsLostAfterARedirect: a cluster client sends a command again
// after MOVED, after ASK and where it got no connection. If then the answer is
// lost, it shows the first error, which says nothing of what landed.
func TestAnAnswerThatIsLostAfterARedirect(t *testing.T) {
	for name, c := range map[string]struct {
		match   string
		arrange func(t *testing.T, nodes []*redistest.Server, dialer *faultyDialer) (undo func())
	}{
		"MOVED": {"evalsha", func(t *testing.T, nodes []*redistest.Server, dialer *faultyDialer) func() {
			t.Helper()
			slot, owner, other := place(t, nodes, "prod:checkpoint:{x}")
			dialer.node = other.Addr()
			id := nodeID(other)
			other.Do("CLUSTER", "SETSLOT", slot, "NODE", id)
			owner.Do("CLUSTER", "SETSLOT", slot, "NODE", id)
			return func() {}
		}},
		"ASK": {"asking", func(t *testing.T, nodes []*redistest.Server, dialer *faultyDialer) func() {
			t.Helper()
			slot, owner, other := place(t, nodes, "prod:checkpoint:{x}")
			dialer.node = other.Addr()
			startMoving(slot, owner, other)
			return func() {
				owner.Do("CLUSTER", "SETSLOT", slot, "NODE", nodeID(other))
				other.Do("CLUSTER", "SETSLOT", slot, "NODE", nodeID(other))
			}
		}},
		"dial": {"evalsha", func(t *testing.T, nodes []*redistest.Server, dialer *faultyDialer) func() {
			t.Helper()
			_, owner, _ := place(t, nodes, "prod:checkpoint:{x}")
			dialer.node = owner.Addr()
			dialer.refuse.Store(2)
			return func() {}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			nodes := redistest.StartCluster(t, 3, 0)
			usual := inNamespace(t, cluster(t, nodes), "prod:")
			for i := range 100 { // so that every node knows the script
				must(usual.SetIfNewer(t.Context(), fmt.Sprint("warm", i), at(1, 1)))
			}
			dialer := &faultyDialer{match: c.match}
			client := redis.NewClusterClient(&redis.ClusterOptions{
				Addrs: []string{nodes[0].Addr(), nodes[1].Addr(), nodes[2].Addr()}, Dialer: dialer.dial, DialerRetries: 1,
			})
			t.Cleanup(func() { client.Close() })
			must(client.Ping(t.Context()).Result()) // learns who serves what
			store := inNamespace(t, client, "prod:")
			undo := c.arrange(t, nodes, dialer)
			dialer.breaks.Store(math.MaxInt32)
			writes := []checkpoint.Write{{Key: "{x}1", Mark: checkpoint.Mark{Position: at(7, 7)}}, {Key: "{x}2", Mark: checkpoint.Mark{Position: at(7, 7)}}}
			outcomes, err := store.Apply(t.Context(), writes...)
			t.Logf("Apply: %v, %v", outcomes, err)
			dialer.breaks.Store(0)
			undo()
			// What is on its way may take a moment to arrive.
			landed := func(key string) bool {
				for deadline := time.Now().Add(2 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
					if _, err := usual.Get(t.Context(), key); err == nil {
						return true
					}
				}
				return false
			}
			for i, w := range writes {
				if outcomes[i] == checkpoint.Failed && landed(w.Key) {
					t.Errorf("%s Failed, and is there", w.Key)
				}
			}
		})
	}
}
