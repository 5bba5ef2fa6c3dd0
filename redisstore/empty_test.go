package redisstore_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/internal/redistest"
	"github.com/checkpointstore/checkpoint/redisstore"
)

// TestAReplicaDoesNotSayThatNothingIsThere asks a replica that never reached
// its master.
func TestAReplicaDoesNotSayThatNothingIsThere(t *testing.T) {
	replica := redistest.Start(t, "replicaof 127.0.0.1 1")
	s := inNamespace(t, standalone(t, replica), "prod:")
	if _, err := s.Get(t.Context(), "k"); err == nil || errors.Is(err, checkpoint.ErrNotFound) {
		t.Errorf("Get: %v; want an error that is not ErrNotFound", err)
	}
	if found, err := s.GetMany(t.Context(), "a", "b"); err == nil {
		t.Errorf("GetMany: %v without an error", found)
	}
	if ok, err := s.Exists(t.Context(), "k"); err == nil {
		t.Errorf("Exists: %v without an error", ok)
	}
	if all, err := checkpoint.Collect(s.GetAll(t.Context(), "*")); err == nil {
		t.Errorf("GetAll: %v without an error", all)
	}
}

// TestAReplicaDoesNotAcknowledgeThatNothingIsThere: what the calls would end, or find, may be on
// the master.
func TestAReplicaDoesNotAcknowledgeThatNothingIsThere(t *testing.T) {
	ctx := t.Context()
	replica := redistest.Start(t, "replicaof 127.0.0.1 1")
	d := must(redisstore.New(standalone(t, replica), &redisstore.Options{Namespace: "prod:"}))
	s := checkpoint.New(d, nil)
	t.Cleanup(func() { s.Close() })
	lease := checkpoint.Lease{Key: "k", Owner: "a", Epoch: 8}
	for name, call := range map[string]func() error{
		"Revoke":  func() error { return second(s.Revoke(ctx, "k")) },
		"Release": func() error { return s.Release(ctx, lease) },
		"Renew":   func() error { return second(s.Renew(ctx, lease, time.Hour)) },
		"Resume":  func() error { return s.Resume(ctx, "k") },
		"Convert": func() error { return must(d.Convert(ctx, []string{"k"}, time.Now()))[0].Err },
	} {
		if err := call(); err == nil || !strings.Contains(err.Error(), "READONLY") || errors.Is(err, checkpoint.ErrFenced) {
			t.Errorf("%s: %v; want READONLY", name, err)
		}
	}
}

// TestClientsThatAreRefused: a Ring takes a server that is down for one that is
// empty. A cluster client that is told where the slots are, as by
// NewFailoverClusterClient, takes what is no cluster for one, in which a replica
// would lead to its master. And of a wrapped client nobody can tell what it is.
func TestClientsThatAreRefused(t *testing.T) {
	ring := redis.NewRing(&redis.RingOptions{Addrs: map[string]string{"a": "127.0.0.1:1"}})
	t.Cleanup(func() { ring.Close() })
	slots := redis.NewClusterClient(&redis.ClusterOptions{
		ClusterSlots: func(context.Context) ([]redis.ClusterSlot, error) { return nil, nil },
	})
	t.Cleanup(func() { slots.Close() })
	for want, client := range map[string]redis.UniversalClient{
		"a Ring":                        ring,
		"ClusterSlots":                  slots,
		"pass the client that it wraps": struct{ redis.UniversalClient }{slots},
		"neither":                       nil,
	} {
		if _, err := redisstore.New(client, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("New with %T: %v, want %q", client, err, want)
		}
	}
}

// TestRoleOfAnotherServer: the client is led from a replica, which never heard
// of the checkpoint, to the master that has it, once the replica has said so.
func TestRoleOfAnotherServer(t *testing.T) {
	master, replica := redistest.Start(t), redistest.Start(t, "replicaof 127.0.0.1 1")
	must(inNamespace(t, standalone(t, master), "prod:").SetIfNewer(t.Context(), "k", at(7, 7)))
	led := &ledAway{from: replica.Addr(), to: master.Addr()}
	client := redis.NewClient(&redis.Options{Dialer: led.dial, MaxRetries: -1})
	t.Cleanup(func() { client.Close() })
	c, err := inNamespace(t, client, "prod:").Get(t.Context(), "k")
	if errors.Is(err, checkpoint.ErrNotFound) {
		t.Errorf("Get: %v, which the master has", err)
	}
	if err == nil && c.Position != at(7, 7) {
		t.Errorf("Get is %v", c.Position)
	}
	if !led.away.Load() {
		t.Error("the replica was never asked")
	}
}

// A ledAway leads connections to one server until that has answered a script,
// and then to another.
type ledAway struct {
	from, to string
	away     atomic.Bool
}

func (l *ledAway) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	to := l.from
	if l.away.Load() {
		to = l.to
	}
	conn, err := new(net.Dialer).DialContext(ctx, network, to)
	return &ledConn{Conn: conn, led: l, first: to == l.from}, err
}

type ledConn struct {
	net.Conn
	led   *ledAway
	first bool
	asked atomic.Bool
}

func (c *ledConn) Write(b []byte) (int, error) {
	if c.first && c.led.away.Load() {
		return 0, net.ErrClosed
	}
	if strings.Contains(string(b), "hmget") || strings.Contains(string(b), "HMGET") {
		c.asked.Store(true)
	}
	return c.Conn.Write(b)
}

func (c *ledConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if c.first && c.asked.Load() {
		c.led.away.Store(true)
	}
	return n, err
}

// TestWalkOverConnectionsToSeveralServers: those of a pool lead to a replica
// that never heard of the checkpoint, or to the master that has it.
func TestWalkOverConnectionsToSeveralServers(t *testing.T) {
	master, replica := redistest.Start(t), redistest.Start(t, "replicaof 127.0.0.1 1")
	must(inNamespace(t, standalone(t, master), "prod:").SetIfNewer(t.Context(), "k", at(7, 7)))
	const connections = 3
	for where := range 1 << connections {
		var dialed atomic.Int32
		client := redis.NewClient(&redis.Options{
			PoolSize: connections, MinIdleConns: connections, PoolFIFO: true, // takes turns
			Dialer: func(ctx context.Context, network, _ string) (net.Conn, error) {
				to := replica.Addr()
				if n := dialed.Add(1) - 1; where>>n&1 == 1 {
					to = master.Addr()
				}
				return new(net.Dialer).DialContext(ctx, network, to)
			},
		})
		t.Cleanup(func() { client.Close() })
		eventually(t, "all connections are there", func() bool { return client.PoolStats().IdleConns == connections })
		keys := 0
		var failed error
		for _, err := range inNamespace(t, client, "prod:").Scan(t.Context(), "*") {
			if err != nil {
				failed = err
			} else {
				keys++
			}
		}
		if keys != 1 && failed == nil {
			t.Errorf("with connections %03b to the master Scan found %d keys, without an error", where, keys)
		}
	}
}
