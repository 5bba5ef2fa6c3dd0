package redisstore_test

import (
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/internal/redistest"
	"github.com/checkpointstore/checkpoint/redisstore"
	"github.com/checkpointstore/checkpoint/storetest"
)

// BenchmarkStore measures over a server on this machine that keeps nothing on
// disk (no snapshots, no append-only file), so that it is bound by processors
// and never by the disk.
func BenchmarkStore(b *testing.B) {
	server := redistest.Start(b, "appendonly no")
	storetest.Bench(b, func(tb testing.TB) driver.Driver {
		tb.Helper()
		server.Do("FLUSHALL")
		client := redis.NewClient(&redis.Options{Addr: server.Addr()})
		tb.Cleanup(func() { client.Close() })
		return must(redisstore.New(client, nil))
	})
}

// BenchmarkStoreThatWaits is BenchmarkStore with two replicas on this machine,
// both of which must have each write.
func BenchmarkStoreThatWaits(b *testing.B) {
	server := redistest.Start(b, "appendonly no")
	redistest.StartReplica(b, server)
	redistest.StartReplica(b, server)
	// A new replica takes up to a second until it acknowledges anything.
	if err := waiting(b, standalone(b, server), 2, long).Set(b.Context(), "first", at(1, 1)); err != nil {
		b.Fatal(err)
	}
	storetest.Bench(b, func(tb testing.TB) driver.Driver {
		tb.Helper()
		server.Do("FLUSHALL")
		client := redis.NewClient(&redis.Options{Addr: server.Addr()})
		tb.Cleanup(func() { client.Close() })
		return must(redisstore.New(client, &redisstore.Options{MinReplicas: 2, ReplicaTimeout: long}))
	})
}
