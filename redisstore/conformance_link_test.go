package redisstore_test

import (
	"path/filepath"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint/internal/redistest"
	"github.com/checkpointstore/checkpoint/storetest"
)

// The ways to reach a server, beside TestConformanceStandalone's: RESP3 over TCP.

func TestConformanceRESP2(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, durable...)
	runOver(t, server, &redis.Options{Addr: server.Addr(), Protocol: 2})
}

func TestConformanceTLS(t *testing.T) {
	t.Parallel()
	server, trust := redistest.StartTLS(t, durable...)
	runOver(t, server, &redis.Options{Addr: server.Addr(), TLSConfig: trust})
}

func TestConformanceUnixSocket(t *testing.T) {
	t.Parallel()
	socket := filepath.Join(t.TempDir(), "s")
	server := redistest.Start(t, append([]string{"unixsocket " + socket}, durable...)...)
	runOver(t, server, &redis.Options{Network: "unix", Addr: socket})
}

func runOver(t *testing.T, server *redistest.Server, options *redis.Options) {
	t.Helper()
	storetest.Run(t, harness([]*redistest.Server{server}, func(tb testing.TB) redis.UniversalClient {
		tb.Helper()
		client := redis.NewClient(options)
		tb.Cleanup(func() { client.Close() })
		return client
	}))
}

func TestConformanceSentinel(t *testing.T) {
	t.Parallel()
	master := redistest.Start(t, durable...)
	sentinel := redistest.StartSentinel(t, "m", master)
	storetest.Run(t, harness([]*redistest.Server{master}, func(tb testing.TB) redis.UniversalClient {
		tb.Helper()
		client := redis.NewFailoverClient(&redis.FailoverOptions{MasterName: "m", SentinelAddrs: []string{sentinel.Addr()}})
		tb.Cleanup(func() { client.Close() })
		return client
	}))
}
