package etcd

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/etcdstore"
	"github.com/checkpointstore/checkpoint/integration/internal/etcdtest"
	"github.com/checkpointstore/checkpoint/storetest"
)

func TestConformance(t *testing.T) {
	cluster := etcdtest.Start(t, 1)
	storetest.Run(t, harness(cluster))
}

// placed is a driver that knows its prefix and has a client beside it.
type placed struct {
	*etcdstore.Driver
	client *clientv3.Client
	prefix string
}

var prefixes atomic.Int64

func open(tb testing.TB, cluster *etcdtest.Cluster, prefix string) placed {
	tb.Helper()
	client := cluster.Client(tb)
	d, err := etcdstore.New(client, &etcdstore.Options{Prefix: prefix})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { d.Close() })
	return placed{d, client, prefix}
}

// openEmpty returns a driver with a prefix of its own.
func openEmpty(tb testing.TB, cluster *etcdtest.Cluster) placed {
	tb.Helper()
	return open(tb, cluster, fmt.Sprintf("test/%d/", prefixes.Add(1)))
}

func harness(cluster *etcdtest.Cluster) storetest.Harness {
	return storetest.Harness{
		Open: func(tb testing.TB) driver.Driver {
			tb.Helper()
			return openEmpty(tb, cluster)
		},
		Reopen: func(tb testing.TB, d driver.Driver) driver.Driver {
			tb.Helper()
			return open(tb, cluster, d.(placed).prefix)
		},
		Damage:      overwrite("checkpoint/"),
		DamageFence: overwrite("fence/"),
		DamageLease: overwrite("lease/"),
		Outage: func(tb testing.TB, _ driver.Driver) (restore func()) {
			tb.Helper()
			member := cluster.Members[0]
			member.Kill()
			return func() { member.Restart(tb) }
		},
	}
}

// overwrite stores something else under the etcd key of a part, and leaves its etcd
// lease.
func overwrite(folder string) func(testing.TB, driver.Driver, string) {
	return func(tb testing.TB, d driver.Driver, key string) {
		tb.Helper()
		p := d.(placed)
		name := p.prefix + folder + key
		found, err := p.client.Get(context.WithoutCancel(tb.Context()), name)
		if err != nil {
			tb.Fatal(err)
		}
		var keep []clientv3.OpOption
		if len(found.Kvs) > 0 && found.Kvs[0].Lease != 0 {
			keep = append(keep, clientv3.WithIgnoreLease())
		}
		if _, err := p.client.Put(context.WithoutCancel(tb.Context()), name, "damaged", keep...); err != nil {
			tb.Fatal(err)
		}
	}
}
