// Package engines starts and opens the stores of tests with several processes.
package engines

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/etcdstore"
	"github.com/checkpointstore/checkpoint/integration/internal/etcdtest"
	"github.com/checkpointstore/checkpoint/integration/internal/network"
	"github.com/checkpointstore/checkpoint/internal/pgtest"
	"github.com/checkpointstore/checkpoint/internal/redistest"
	"github.com/checkpointstore/checkpoint/pgstore"
	"github.com/checkpointstore/checkpoint/redisstore"
	"github.com/checkpointstore/checkpoint/sqlitestore"
)

// Redis starts a server. Each of these functions returns what [Open] takes.
func Redis(t *testing.T) string {
	t.Helper()
	return redistest.Start(t).Addr()
}

// Postgres makes a database.
func Postgres(t *testing.T) string {
	t.Helper()
	return pgtest.Shared(t).NewDatabase()
}

// Etcd starts so many members.
func Etcd(members int) func(*testing.T) string {
	return func(t *testing.T) string {
		t.Helper()
		return etcdtest.Start(t, members).URL()
	}
}

// SQLite chooses a file.
func SQLite(t *testing.T) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "checkpoints.db")
}

// A Driver has the abilities that a consumer with a lease needs.
type Driver interface {
	driver.Driver
	driver.Leaser
}

// Open opens the driver of a store: a URL of PostgreSQL or etcd, host:port of a Redis, or
// the path of an SQLite file. A call of Redis takes no longer than timeout. Open returns
// besides what to call after the driver's Close.
func Open(ctx context.Context, store string, timeout time.Duration) (Driver, func() error, error) {
	none := func() error { return nil }
	switch {
	case strings.HasSuffix(store, ".db"):
		d, err := sqlitestore.Open(ctx, store, nil)
		return d, none, err
	case strings.HasPrefix(store, "postgres://"):
		d, err := pgstore.Open(ctx, store, &pgstore.Options{AutoMigrate: true})
		return d, none, err
	case strings.HasPrefix(store, "etcd://"):
		d, err := etcdstore.Open(ctx, store, nil)
		return d, none, err
	}
	client := redis.NewClient(&redis.Options{Addr: store, DialTimeout: timeout, ReadTimeout: timeout, WriteTimeout: timeout})
	d, err := redisstore.New(client, nil)
	return d, client.Close, err
}

// servers returns the addresses of the servers of a store, if it has any.
func servers(store string) []string {
	if strings.HasSuffix(store, ".db") {
		return nil
	}
	if _, rest, isURL := strings.Cut(store, "://"); isURL {
		store, _, _ = strings.Cut(rest, "/")
		store = store[strings.LastIndex(store, "@")+1:]
	}
	return strings.Split(store, ",")
}

// Behind puts a proxy before each server of a store. It returns the store as it is behind
// them.
func Behind(store string) (string, network.Line, error) {
	var between network.Line
	for _, server := range servers(store) {
		proxy, err := network.New(server)
		if err != nil {
			return "", nil, err
		}
		between = append(between, proxy)
		store = strings.Replace(store, server, proxy.Addr(), 1)
	}
	return store, between, nil
}
