package etcd

import (
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"

	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/integration/internal/etcdtest"
	"github.com/checkpointstore/checkpoint/storetest"
)

// BenchmarkStore measures over three members on this machine, which sync their logs, and
// without the proxies.
func BenchmarkStore(b *testing.B) {
	cluster := etcdtest.Start(b, 3, func(config *embed.Config) { config.UnsafeNoFsync = false })
	storetest.Bench(b, func(tb testing.TB) driver.Driver {
		tb.Helper()
		return openEmpty(tb, cluster, func(config *clientv3.Config) {
			config.Endpoints = nil
			for _, m := range cluster.Members {
				config.Endpoints = append(config.Endpoints, m.Direct())
			}
		})
	})
}
