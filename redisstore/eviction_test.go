package redisstore_test

import (
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/internal/redistest"
	"github.com/checkpointstore/checkpoint/redisstore"
)

// logged is a Store over client, and what its driver logs.
func logged(tb testing.TB, client redis.UniversalClient, accept bool) (*checkpoint.Store, *buffer) {
	tb.Helper()
	log := new(buffer)
	s := checkpoint.New(must(redisstore.New(client, &redisstore.Options{
		Namespace: "prod:", AcceptEviction: accept, Logger: slog.New(slog.NewTextHandler(log, nil)),
	})), nil)
	tb.Cleanup(func() { s.Close() })
	return s, log
}

func TestAPolicyThatEvictsEverythingIsRefused(t *testing.T) {
	server := redistest.Start(t, "maxmemory-policy allkeys-lru")
	s, _ := logged(t, standalone(t, server), false)
	const fact, remedy = "maxmemory-policy is allkeys-lru", "set it to noeviction"
	fails(t, s, every(reads, writes, deletes, clears), fact)
	fails(t, s, every(reads, writes, deletes, clears), remedy)
	failsToApply(t, s)
	if _, err := s.Acquire(t.Context(), "orders", "a", long); err == nil || errors.Is(err, checkpoint.ErrLeaseHeld) {
		t.Errorf("Acquire is %v, want the policy", err)
	}
	wantKeys(t, server)
	if _, err := redisstore.Open(t.Context(), server.URL(), nil); err == nil || !strings.Contains(err.Error(), fact) {
		t.Errorf("Open is %v, want %q", err, fact)
	}
	server.Do("CONFIG", "SET", "maxmemory-policy", "noeviction")
	works(t, s, every(writes, reads))
}

func TestEvictionIsAccepted(t *testing.T) {
	server := redistest.Start(t, "maxmemory-policy allkeys-random")
	s, log := logged(t, standalone(t, server), true)
	must(s.SetIfNewer(t.Context(), "orders", at(1, 1), checkpoint.Epoch(1)))
	works(t, s, reads[2:3])
	if _, err := s.Acquire(t.Context(), "orders", "a", long); err == nil || !strings.Contains(err.Error(), "set noeviction") {
		t.Errorf("Acquire is %v, want that no lease is granted", err)
	}
	if got := log.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "level=WARN") || !strings.Contains(got, "allkeys-random") {
		t.Errorf("the log is %q, want one warning about allkeys-random", got)
	}
	d, err := redisstore.Open(t.Context(), server.URL()+"?accept_eviction=true", nil)
	if err != nil {
		t.Fatal(err)
	}
	d.Close()
	for _, query := range []string{"?accept_eviction=false", "?accept_eviction=perhaps"} {
		if _, err := redisstore.Open(t.Context(), server.URL()+query, nil); err == nil {
			t.Errorf("Open with %s does not fail", query)
		}
	}
}

func TestOneMasterOfAClusterThatEvicts(t *testing.T) {
	nodes := redistest.StartCluster(t, 3, 0)
	nodes[1].Do("CONFIG", "SET", "maxmemory-policy", "allkeys-lfu")
	s, _ := logged(t, cluster(t, nodes), false)
	fails(t, s, every(reads, writes, deletes, clears), nodes[1].Addr()+": its maxmemory-policy is allkeys-lfu")
}

func TestPoliciesThatAreWarnedOf(t *testing.T) {
	server := redistest.Start(t)
	server.Do(strings.Fields("ACL SETUSER mute on >secret ~* &* +@all -info")...)
	for _, c := range []struct {
		name, policy string
		client       *redis.Client
		want         string
	}{
		{"none", "noeviction", standalone(t, server), ""},
		{"those with a TTL", "volatile-ttl", standalone(t, server), "volatile-ttl"},
		{"unknown", "allkeys-lru", as(t, server, "mute"), "does not tell its maxmemory-policy"},
	} {
		t.Run(c.name, func(t *testing.T) {
			server.Do("CONFIG", "SET", "maxmemory-policy", c.policy)
			s, log := logged(t, c.client, false)
			works(t, s, every(writes, reads[:3]))
			got := log.String()
			if c.want == "" && got != "" || c.want != "" && (strings.Count(got, "\n") != 1 || !strings.Contains(got, c.want)) {
				t.Errorf("the log is %q, want %q once", got, c.want)
			}
		})
	}
}
