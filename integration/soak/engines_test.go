package soak

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/etcdstore"
	"github.com/checkpointstore/checkpoint/internal/pgtest"
	"github.com/checkpointstore/checkpoint/internal/redistest"
	"github.com/checkpointstore/checkpoint/pgstore"
	"github.com/checkpointstore/checkpoint/redisstore"
	"github.com/checkpointstore/checkpoint/sqlitestore"
)

// servers are those that are killed and start again.
type servers struct {
	redis    *redistest.Server
	postgres *pgtest.Server
	etcd     *member
}

func startServers(t *testing.T) *servers {
	t.Helper()
	return &servers{redistest.Start(t), pgtest.Start(t), startMember(t)}
}

// A server is one of them.
type server interface {
	Kill()
	Restart()
}

// pool is how many connections a pool has. It is full from the start: else it would grow to
// its limit in its own time.
const pool = 20

func (s *servers) all() []server { return []server{s.redis, s.postgres, s.etcd} }

// An engine is a store under load.
type engine struct {
	name  string
	store *checkpoint.Store
	lent  func() int // how many connections its pool misses
	close func()     // what Close of the store leaves open

	// durable: a server that is killed has kept what it acknowledged.
	durable bool
}

// engines opens a store on each server, and one on the file at path. It opens no memstore,
// because a memstore keeps its checkpoints in the heap of this process.
func (s *servers) engines(ctx context.Context, t *testing.T, path string) []*engine {
	t.Helper()
	open := func(name string, d driver.Driver, err error) *engine {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return &engine{name: name, store: checkpoint.New(d, nil), durable: true, lent: func() int { return 0 }, close: func() {}}
	}
	client := redis.NewClient(&redis.Options{Addr: s.redis.Addr(), PoolSize: pool, MinIdleConns: pool})
	rd, err := redisstore.New(client, &redisstore.Options{Namespace: "soak:"})
	onRedis := open("Redis", rd, err)
	onRedis.durable = false // it writes nothing to its disk
	onRedis.close = func() { client.Close() }
	onRedis.lent = func() int { stats := client.PoolStats(); return int(stats.TotalConns) - int(stats.IdleConns) }

	config, err := pgxpool.ParseConfig(s.postgres.NewDatabase())
	if err != nil {
		t.Fatal(err)
	}
	config.MinConns, config.MaxConns, config.HealthCheckPeriod = pool, pool, 100*time.Millisecond
	conns, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		t.Fatal(err)
	}
	pg, err := pgstore.New(conns, &pgstore.Options{AutoMigrate: true})
	onPostgres := open("PostgreSQL", pg, err)
	onPostgres.close = conns.Close
	onPostgres.lent = func() int { return int(conns.Stat().AcquiredConns()) }

	ed, err := etcdstore.Open(ctx, s.etcd.url(), nil)
	onEtcd := open("etcd", ed, err)
	file, err := sqlitestore.Open(ctx, path, &sqlitestore.Options{BusyTimeout: 100 * time.Millisecond})
	return []*engine{onRedis, onPostgres, onEtcd, open("SQLite", file, err)}
}

// wantIdle wants each connection back in the pool, once what was called off has had its
// answer: one that is not would be hidden by the pool's limit.
func (e *engine) wantIdle(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); e.lent() > 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Errorf("%s: %d connections were not given back", e.name, e.lent())
			return
		}
	}
}

func (e *engine) end(t *testing.T) {
	t.Helper()
	if err := e.store.Close(); err != nil {
		t.Errorf("%s: %v", e.name, err)
	}
	e.close()
}
