package redisstore_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/internal/redistest"
	"github.com/checkpointstore/checkpoint/redisstore"
)

// resp2 is a patient client that may have a lane.
func resp2(tb testing.TB, server *redistest.Server) *redis.Client {
	tb.Helper()
	client := redis.NewClient(&redis.Options{Addr: server.Addr(), Protocol: 2, ReadTimeout: -1, WriteTimeout: -1, MaxRetries: -1})
	tb.Cleanup(func() { client.Close() })
	return client
}

// onALane returns a store whose calls go by the lane if they are alone.
func onALane(t *testing.T, client *redis.Client) (*checkpoint.Store, *redisstore.Driver) {
	t.Helper()
	d := must(redisstore.New(client, &redisstore.Options{Namespace: "prod:"}))
	s := checkpoint.New(d, nil)
	t.Cleanup(func() { s.Close() })
	awaitLane(t, s, d)
	return s, d
}

func awaitLane(t *testing.T, s *checkpoint.Store, d *redisstore.Driver) {
	t.Helper()
	eventually(t, "there is a lane", func() bool {
		_, err := s.SetIfNewer(t.Context(), "warm", at(1, 1))
		time.Sleep(time.Millisecond) // a pipeline that is about to end counts
		return err == nil && redisstore.HasLane(d)
	})
}

// TestEndOfAContextEndsACallOnTheLane: the write may have landed, so it is Unknown. The
// connection is then of no use to the calls after it.
func TestEndOfAContextEndsACallOnTheLane(t *testing.T) {
	server := redistest.Start(t)
	s, d := onALane(t, resp2(t, server))
	for i := range uint64(20) {
		server.Do("CLIENT", "PAUSE", "1000000", "WRITE")
		ctx, cancel := context.WithCancel(t.Context())
		type result struct {
			outcomes []checkpoint.Outcome
			err      error
		}
		done := make(chan result, 1)
		go func() {
			outcomes, err := s.Apply(ctx, checkpoint.Write{Key: "orders", IfNewer: true, Mark: checkpoint.Mark{Position: at(2+2*i, 1)}})
			done <- result{outcomes, err}
		}()
		awaitBlocked(t, server, 1)
		if redisstore.HasLane(d) {
			t.Fatal("the call is not on the lane")
		}
		cancel()
		select {
		case r := <-done:
			if r.outcomes[0] != checkpoint.Unknown || !errors.Is(r.err, context.Canceled) {
				t.Errorf("Apply is %v, %v, want Unknown by the end of the context", r.outcomes, r.err)
			}
		case <-time.After(patience):
			t.Fatal("the call does not end with its context")
		}
		server.Do("CLIENT", "UNPAUSE")
		if ok, err := s.SetIfNewer(t.Context(), "orders", at(3+2*i, 1)); !ok || err != nil {
			t.Errorf("the next write is %t, %v", ok, err)
		}
		if c := must(s.Get(t.Context(), "orders")); c.Position != at(3+2*i, 1) {
			t.Errorf("the next read is %v", c.Position)
		}
		awaitLane(t, s, d)
	}
}

// TestAnswersOnTheLaneAreTheirCalls ends calls at any moment: no answer may come to the call
// after the one that asked for it.
func TestAnswersOnTheLaneAreTheirCalls(t *testing.T) {
	server := redistest.Start(t)
	s, _ := onALane(t, resp2(t, server))
	opened := checkpoint.New(must(redisstore.Open(t.Context(), server.URL()+"?namespace=prod:", nil)), nil)
	t.Cleanup(func() { opened.Close() })
	for i := range uint64(10) {
		must(s.SetIfNewer(t.Context(), fmt.Sprint("k", i), at(i, i)))
	}
	var callers sync.WaitGroup
	for _, s := range []*checkpoint.Store{s, s, opened, opened, opened} {
		callers.Go(func() {
			for range 3000 {
				i := rand.Uint64N(10)
				ctx, cancel := context.WithCancel(t.Context())
				timer := time.AfterFunc(rand.N(300*time.Microsecond), cancel)
				c, err := s.Get(ctx, fmt.Sprint("k", i))
				timer.Stop()
				if err == nil && c.Position != at(i, i) || err != nil && !errors.Is(err, context.Canceled) {
					t.Errorf("k%d is at %v, %v", i, c.Position, err)
				}
				cancel()
				time.Sleep(rand.N(50 * time.Microsecond)) // so that some calls are alone
			}
		})
	}
	callers.Wait()
}

// TestLaneThatTheServerHasClosed: a call sees it before it sends, and goes another way.
func TestLaneThatTheServerHasClosed(t *testing.T) {
	server := redistest.Start(t)
	s, d := onALane(t, resp2(t, server))
	for i := range uint64(20) {
		server.Do("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
		time.Sleep(2 * time.Millisecond)
		redisstore.AgeLane(d, time.Duration(i)*time.Second)
		if ok, err := s.SetIfNewer(t.Context(), "orders", at(1+i, 1)); !ok || err != nil {
			t.Errorf("the write after the server has closed all connections is %t, %v", ok, err)
		}
		awaitLane(t, s, d)
	}
}

// TestDriversOfAClientShareALane: the lane closes when the last of them does.
func TestDriversOfAClientShareALane(t *testing.T) {
	client := resp2(t, redistest.Start(t))
	first, _ := onALane(t, client)
	second, d := onALane(t, client)
	if n := inUse(client); n != 1 {
		t.Errorf("two drivers keep %d connections, want one", n)
	}
	first.Close()
	if !redisstore.HasLane(d) {
		t.Error("the lane is closed while a driver uses it")
	}
	second.Close()
	if n := inUse(client); n != 0 {
		t.Errorf("%d connections are in use after the drivers are closed, want none", n)
	}
	third, _ := onALane(t, client)
	third.Close()
}

// TestSmallPoolsHaveNoLane: a client that speaks RESP3 has none either.
func TestSmallPoolsHaveNoLane(t *testing.T) {
	server := redistest.Start(t)
	if _, d := inNamespaceWithDriver(t, standalone(t, server)); redisstore.HasLane(d) {
		t.Error("a client that speaks RESP3 has a lane")
	}
	client := fewConnections(t, server)
	s, d := inNamespaceWithDriver(t, client)
	for i := range uint64(10) {
		must(s.SetIfNewer(t.Context(), "orders", at(i, i)))
	}
	if n := inUse(client); redisstore.HasLane(d) || n != 0 {
		t.Errorf("a pool of three has a lane, and %d connections are in use", n)
	}
}

func inNamespaceWithDriver(t *testing.T, client *redis.Client) (*checkpoint.Store, *redisstore.Driver) {
	t.Helper()
	d := must(redisstore.New(client, &redisstore.Options{Namespace: "prod:"}))
	return checkpoint.New(d, nil), d
}

// TestHookSeesCallsOnTheLane: it gets the context of each call.
func TestHookSeesCallsOnTheLane(t *testing.T) {
	client := resp2(t, redistest.Start(t))
	hook := new(tenants)
	client.AddHook(hook)
	s, d := onALane(t, client)
	hook.seen = nil
	for i := range 3 {
		if !redisstore.HasLane(d) {
			t.Fatal("there is no lane")
		}
		must(s.SetIfNewer(context.WithValue(t.Context(), tenant{}, i), "orders", at(uint64(i), 1)))
	}
	if got := fmt.Sprint(hook.seen); got != "[0 1 2]" {
		t.Errorf("the hook saw calls of %s, want of 0, 1 and 2", got)
	}
}

// TestLaneOverTLS: go-redis must not take such a connection for a dead one.
func TestLaneOverTLS(t *testing.T) {
	server, config := redistest.StartTLS(t)
	client := redis.NewClient(&redis.Options{Addr: server.Addr(), Protocol: 2, TLSConfig: config})
	t.Cleanup(func() { client.Close() })
	s, d := onALane(t, client)
	for i := range uint64(100) {
		must(s.SetIfNewer(t.Context(), "orders", at(i, i)))
	}
	if !redisstore.HasLane(d) {
		t.Error("the lane was lost")
	}
	if clients := strings.Count(server.Do("CLIENT", "LIST").(string), "\n"); clients > 4 {
		t.Errorf("there are %d connections, since each was taken for dead", clients)
	}
}

// TestIdleLaneIsTried: over TLS, the client does not see that the server has closed a
// connection.
func TestIdleLaneIsTried(t *testing.T) {
	plain := redistest.Start(t)
	overTLS, config := redistest.StartTLS(t)
	for _, test := range []struct {
		server *redistest.Server
		config *tls.Config
		idle   time.Duration
		want   int
	}{
		{plain, nil, 2 * time.Second, 0},
		{plain, nil, 11 * time.Second, 1},
		{overTLS, config, 0, 0},
		{overTLS, config, 2 * time.Second, 1},
	} {
		client := redis.NewClient(&redis.Options{Addr: test.server.Addr(), Protocol: 2, TLSConfig: test.config})
		t.Cleanup(func() { client.Close() })
		s, d := onALane(t, client)
		redisstore.AgeLane(d, test.idle)
		test.server.Do("CONFIG", "RESETSTAT")
		must(s.Get(t.Context(), "warm"))
		pings := strings.Count(test.server.Do("INFO", "commandstats").(string), "cmdstat_ping:calls=1,")
		if pings != test.want || !redisstore.HasLane(d) {
			t.Errorf("TLS %t, idle for %v: %d pings, want %d", test.config != nil, test.idle, pings, test.want)
		}
	}
}

// TestReadThatTheLaneHasLost goes once more by the pools, at once.
func TestReadThatTheLaneHasLost(t *testing.T) {
	server := redistest.Start(t)
	dialer := &faultyDialer{node: server.Addr(), match: "hmget"}
	client := redis.NewClient(&redis.Options{Addr: server.Addr(), Protocol: 2, Dialer: dialer.dial, MinRetryBackoff: patience, MaxRetryBackoff: patience})
	t.Cleanup(func() { client.Close() })
	s, _ := onALane(t, client)
	must(s.SetIfNewer(t.Context(), "orders", at(1, 1)))
	dialer.breaks.Store(1)
	if c := must(s.Get(t.Context(), "orders")); c.Position != at(1, 1) || dialer.breaks.Load() >= 0 {
		t.Errorf("the read is %v; want its answer, after one was lost", c.Position)
	}
}

// slowly is a hook whose connections send one byte at a time, so that no word passes at once.
type slowly struct{ redis.Hook }

func (slowly) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := next(ctx, network, addr)
		return slowConn{conn}, err
	}
}

func (slowly) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

func (slowly) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

type slowConn struct{ net.Conn }

func (c slowConn) Write(b []byte) (int, error) {
	for i := range b {
		if _, err := c.Conn.Write(b[i : i+1]); err != nil {
			return i, err
		}
	}
	return len(b), nil
}

// TestConnectionsThatHideWhatPasses can be no lane, and the driver stops trying.
func TestConnectionsThatHideWhatPasses(t *testing.T) {
	server := redistest.Start(t)
	client := resp2(t, server)
	client.AddHook(slowly{})
	s, d := inNamespaceWithDriver(t, client)
	connections := func() (n int) {
		_, after, _ := strings.Cut(must(client.Info(t.Context(), "stats").Result()), "total_connections_received:")
		fmt.Sscan(after, &n)
		return n
	}
	before := -1
	eventually(t, "no more connections are made", func() bool {
		former := before
		for range 20 {
			must(s.Exists(t.Context(), "orders"))
			time.Sleep(time.Millisecond)
		}
		before = connections()
		return before == former
	})
	if redisstore.HasLane(d) {
		t.Error("there is a lane")
	}
}
