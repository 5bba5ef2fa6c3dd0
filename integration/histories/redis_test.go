package histories

import (
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint/internal/redistest"
	"github.com/checkpointstore/checkpoint/redisstore"
)

// answerWithin is how long a client waits for the server.
const answerWithin = 150 * time.Millisecond

// durable lets a server keep, over a SIGKILL, what it has acknowledged.
var durable = []string{"appendonly yes", "appendfsync always"}

func redisAt(t *testing.T, addr string) engine {
	t.Helper()
	client := redis.NewClient(&redis.Options{
		Addr: addr, DialTimeout: answerWithin, ReadTimeout: answerWithin, WriteTimeout: answerWithin, DialerRetries: 1,
	})
	t.Cleanup(func() { client.Close() })
	return redisstore.New(client, nil)
}

// A standalone is a server with two processes' clients behind a proxy and one's
// beside it.
type standalone struct {
	server *redistest.Server
	proxy  *proxy
	random *rand.Rand
}

// A fault lasts from its call to that of heal.
type fault struct {
	name   string
	strike func(s *standalone) (heal func())
}

func healed() {}

// network are faults of the clients' connections.
var network = []fault{
	{"connections are reset", func(s *standalone) func() {
		heal := s.proxy.hurt(toxic{upstream, "reset_peer", "timeout", 0})
		killClients(s.server) // resets those to come
		return heal
	}},
	{"replies are reset", func(s *standalone) func() {
		return s.proxy.hurt(toxic{downstream, "reset_peer", "timeout", 0})
	}},
	{"replies are late", func(s *standalone) func() {
		return s.proxy.hurt(toxic{downstream, "latency", "latency", s.random.IntN(300)})
	}},
	{"requests are late", func(s *standalone) func() {
		return s.proxy.hurt(toxic{upstream, "latency", "latency", 150 + s.random.IntN(200)})
	}},
	{"a black hole", func(s *standalone) func() {
		return s.proxy.hurt(toxic{upstream, "timeout", "timeout", 0}, toxic{downstream, "timeout", "timeout", 0})
	}},
	{"replies are lost", func(s *standalone) func() {
		return s.proxy.hurt(toxic{downstream, "timeout", "timeout", 0})
	}},
	{"requests are lost", func(s *standalone) func() {
		return s.proxy.hurt(toxic{upstream, "timeout", "timeout", 0})
	}},
	{"connections are half open", func(s *standalone) func() {
		// The server has closed them, and no client hears of it.
		heal := s.proxy.hurt(toxic{downstream, "slow_close", "delay", 3600_000})
		killClients(s.server)
		return heal
	}},
	{"clients read slowly", func(s *standalone) func() {
		return s.proxy.hurt(toxic{downstream, "bandwidth", "rate", 1})
	}},
	{"replies are cut off", func(s *standalone) func() {
		return s.proxy.hurt(toxic{downstream, "limit_data", "bytes", 1 + s.random.IntN(1000)})
	}},
	{"requests are cut off", func(s *standalone) func() {
		return s.proxy.hurt(toxic{upstream, "limit_data", "bytes", 1 + s.random.IntN(3000)})
	}},
	{"replies come in pieces", func(s *standalone) func() {
		return s.proxy.hurt(toxic{downstream, "slicer", "average_size", 2})
	}},
}

// ofServer are faults of the server.
var ofServer = []fault{
	{"CLIENT KILL", func(s *standalone) func() {
		for range 10 {
			killClients(s.server)
			time.Sleep(10 * time.Millisecond) // they come back
		}
		return healed
	}},
	{"SCRIPT FLUSH", func(s *standalone) func() {
		for range 20 {
			s.server.Do("SCRIPT", "FLUSH")
			time.Sleep(5 * time.Millisecond) // they load it again
		}
		return healed
	}},
	{"DEBUG SLEEP", func(s *standalone) func() {
		s.server.Do("DEBUG", "SLEEP", "0.25")
		return healed
	}},
	{"SIGKILL", func(s *standalone) func() {
		s.server.Restart()
		return healed
	}},
}

func killClients(s *redistest.Server) { s.Do("CLIENT", "KILL", "TYPE", "normal") }

// TestRedis lets every fault strike while clients work.
func TestRedis(t *testing.T) {
	t.Parallel()
	for _, group := range []struct {
		name   string
		faults []fault
	}{{"network", network}, {"server", ofServer}} {
		t.Run(group.name, func(t *testing.T) {
			t.Parallel()
			first := chooseSeed(t)
			server := redistest.Start(t, append([]string{"enable-debug-command local"}, durable...)...)
			s := &standalone{server: server, proxy: newProxy(t, server.Addr())}
			engines := []engine{redisAt(t, s.proxy.addr()), redisAt(t, s.proxy.addr()), redisAt(t, server.Addr())}
			for i := range uint64(*rounds) {
				s.random = rand.New(rand.NewPCG(first+i, 0))
				h := newHistory(strconv.FormatUint(i, 10))
				play(t, h, first+i, engines, func() { s.strike(t, h, group.faults) })
				hold(t, h)
				if h.counts["unknown"] == 0 {
					t.Error("no write was left without an answer")
				}
			}
		})
	}
}

// strike lets each fault strike, in any order, with some work in between.
func (s *standalone) strike(t *testing.T, h *history, faults []fault) {
	t.Helper()
	for _, i := range s.random.Perm(len(faults)) {
		h.operate(t, 50)
		before := h.String()
		for range 1 + s.random.IntN(3) {
			heal := faults[i].strike(s)
			pause(t.Context(), time.Duration(30+s.random.IntN(200))*time.Millisecond)
			heal()
			h.operate(t, 20)
		}
		t.Logf("%s: from %s to %s", faults[i].name, before, h)
	}
	h.operate(t, 100)
}
