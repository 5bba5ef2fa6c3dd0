package failover

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/internal/redistest"
)

const masterName = "mymaster"

// sentinels is a master with two replicas, and three Sentinels.
type sentinels struct {
	redisOrPostgres
	t         *testing.T
	servers   []*redistest.Server
	admins    []*redis.Client // of the servers
	sentinels []*redis.Client
	addrs     []string // of the Sentinels
}

func startSentinels(t *testing.T) *sentinels {
	t.Helper()
	s := &sentinels{t: t}
	master := redistest.Start(t, "repl-diskless-sync-delay 0")
	s.servers = []*redistest.Server{master, redistest.StartReplica(t, master), redistest.StartReplica(t, master)}
	for _, server := range s.servers {
		s.admins = append(s.admins, admin(t, server))
	}
	for range 3 {
		sentinel := redistest.StartSentinel(t, masterName, master)
		// Its own periods are for networks, and make a test of many failovers long.
		sentinel.Do("SENTINEL", "DEBUG", "INFO-PERIOD", "200", "PING-PERIOD", "100", "ASK-PERIOD", "100", "PUBLISH-PERIOD", "200")
		sentinel.Do("SENTINEL", "SET", masterName, "quorum", "2", "down-after-milliseconds", "400", "failover-timeout", "2000")
		s.sentinels = append(s.sentinels, admin(t, sentinel))
		s.addrs = append(s.addrs, sentinel.Addr())
	}
	s.awaitWhole()
	return s
}

func (s *sentinels) client() redis.UniversalClient {
	return redis.NewFailoverClient(&redis.FailoverOptions{
		MasterName: masterName, SentinelAddrs: s.addrs, DialTimeout: time.Second, ReadTimeout: readTimeout,
	})
}

func (s *sentinels) store(waits bool) *checkpoint.Store {
	return storeOver(s.t, s.client(), waitsFor(waits, 2))
}

func (s *sentinels) clinging(master server, waits bool) *checkpoint.Store {
	return storeOver(s.t, admin(s.t, master.(*redistest.Server)), waitsFor(waits, 2))
}

// resume needs no help: the former master hears of its successor.
func (s *sentinels) resume(former server) { former.(*redistest.Server).Resume() }

func (s *sentinels) prefix(server) string { return "" }

func (s *sentinels) named(sentinel *redis.Client) string {
	answer, _ := sentinel.Do(s.t.Context(), "sentinel", "get-master-addr-by-name", masterName).StringSlice()
	if len(answer) != 2 {
		return ""
	}
	return net.JoinHostPort(answer[0], answer[1])
}

func (s *sentinels) master() server {
	i := -1
	until(s.t, "a Sentinel names one of the servers", func() bool {
		addr := s.named(s.sentinels[0])
		i = slices.IndexFunc(s.servers, func(server *redistest.Server) bool { return server.Addr() == addr })
		return i >= 0
	})
	return s.servers[i]
}

// command asks again where a Sentinel has given the failover up, as it does when
// no replica has told it of itself within half a second.
func (s *sentinels) command(master server) {
	until(s.t, "a Sentinel fails over, and all name another master", func() bool {
		if s.named(s.sentinels[0]) == master.Addr() {
			ask(s.t, s.sentinels[0], "sentinel", "failover", masterName)
		}
		return s.haveSuccessor(master)
	})
}

func (s *sentinels) awaitSuccessor(master server) {
	until(s.t, "the Sentinels name another master", func() bool { return s.haveSuccessor(master) })
}

func (s *sentinels) haveSuccessor(master server) bool {
	return !slices.ContainsFunc(s.sentinels, func(c *redis.Client) bool {
		addr := s.named(c)
		return addr == "" || addr == master.Addr()
	})
}

// restart does what a Sentinel would do some seconds later.
func (s *sentinels) restart(former server) {
	again := former.(*redistest.Server)
	again.Restart()
	host, port, _ := net.SplitHostPort(s.master().Addr())
	again.Do("REPLICAOF", host, port)
}

func (s *sentinels) awaitWhole() {
	whole := false
	defer func() {
		if !whole {
			s.describe()
		}
	}()
	until(s.t, "the Sentinels see a master with two replicas", func() bool {
		addr := s.named(s.sentinels[0])
		for i, server := range s.servers {
			if server.Addr() == addr {
				if strings.Count(ask(s.t, s.admins[i], "info", "replication"), "state=online") != 2 {
					return false
				}
			} else if !isReplica(s.t, s.admins[i]) {
				return false
			}
		}
		return !slices.ContainsFunc(s.sentinels, func(c *redis.Client) bool { return s.named(c) != addr || !s.seesWhole(c) })
	})
	whole = true
}

// describe logs how the servers and the Sentinels see each other.
func (s *sentinels) describe() {
	for i, server := range s.servers {
		s.t.Logf("server %s:\n%s", server.Addr(), ask(s.t, s.admins[i], "info", "replication"))
	}
	for i, sentinel := range s.sentinels {
		for _, list := range []string{"master", "replicas", "sentinels"} {
			answer, err := sentinel.Do(s.t.Context(), "sentinel", list, masterName).Result()
			s.t.Logf("Sentinel %s, %s: %v, %v", s.addrs[i], list, answer, err)
		}
	}
}

// seesWhole reports that a Sentinel is ready for the next failover.
func (s *sentinels) seesWhole(sentinel *redis.Client) bool {
	ctx := s.t.Context()
	master, err := sentinel.Do(ctx, "sentinel", "master", masterName).Result()
	if err != nil {
		return false
	}
	m := fields(master)
	if m["flags"] != "master" || m["num-slaves"] != "2" || m["num-other-sentinels"] != "2" {
		return false
	}
	replicas, err := sentinel.Do(ctx, "sentinel", "replicas", masterName).Slice()
	if err != nil {
		return false
	}
	for _, r := range replicas {
		if f := fields(r); f["flags"] != "slave" || f["master-link-status"] != "ok" {
			return false
		}
	}
	return true
}

// fields reads an answer of names and values.
func fields(answer any) map[string]string {
	f := make(map[string]string)
	switch list := answer.(type) {
	case map[any]any:
		for name, value := range list {
			f[fmt.Sprint(name)] = fmt.Sprint(value)
		}
	case []any:
		for pair := range slices.Chunk(list, 2) {
			f[fmt.Sprint(pair[0])] = fmt.Sprint(pair[1])
		}
	}
	return f
}
