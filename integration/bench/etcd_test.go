package main

import (
	"context"
	"strings"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"

	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/etcdstore"
	"github.com/checkpointstore/checkpoint/integration/internal/etcdtest"
	"github.com/checkpointstore/checkpoint/integration/rivals"
)

// etcdEngine is three members that sync their logs, as they do for users.
func etcdEngine(b *testing.B) *engine {
	b.Helper()
	cluster := etcdtest.Start(b, 3, func(config *embed.Config) { config.UnsafeNoFsync = false })
	var addrs []string // without the proxies
	for _, m := range cluster.Members {
		addrs = append(addrs, m.Direct())
	}
	return &engine{
		name: "etcd",
		empty: func(b *testing.B) string {
			b.Helper()
			if _, err := cluster.Members[0].Client(b).Delete(b.Context(), "", clientv3.WithPrefix()); err != nil {
				b.Fatal(err)
			}
			return strings.Join(addrs, ",")
		},
		contestants: []contestant{
			{"store", func(ctx context.Context, addrs string) (driver.Driver, error) {
				return etcdstore.Open(ctx, "etcd://"+addrs, nil)
			}},
			{"etcd", func(_ context.Context, addrs string) (driver.Driver, error) {
				client, err := clientv3.New(clientv3.Config{Endpoints: strings.Split(addrs, ",")})
				return rivals.NewEtcd(client), err
			}},
		},
	}
}
