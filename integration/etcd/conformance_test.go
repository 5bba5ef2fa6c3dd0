package etcd

import (
	"context"
	"strings"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/etcdstore"
	"github.com/checkpointstore/checkpoint/integration/internal/etcdtest"
	"github.com/checkpointstore/checkpoint/storetest"
)

func TestConformance(t *testing.T) {
	if etcdtest.Processes() { // otherwise the members would take each other's time
		t.Parallel()
	}
	cluster := etcdtest.Start(t, 1)
	storetest.Run(t, harness(cluster, etcdstore.Options{}))
}

// Shortcuts concern what is read. So the cases that mostly wait for a member that is away are
// left to TestConformance.
func TestConformanceWithoutShortcuts(t *testing.T) {
	if etcdtest.Processes() {
		t.Parallel()
	}
	h := harness(etcdtest.Start(t, 1), etcdstore.Options{NoShortcuts: true})
	h.Except = make(map[string]string)
	for _, c := range storetest.Cases() {
		if strings.Contains(c.Name, "outage") {
			h.Except[c.Name] = "nothing can be read while the member is away"
		}
	}
	storetest.Run(t, h)
}

// harness gives each driver the options o, and a prefix.
func harness(cluster *etcdtest.Cluster, o etcdstore.Options) storetest.Harness {
	at := func(tb testing.TB, prefix string) driver.Driver {
		tb.Helper()
		o := o
		o.Prefix = prefix
		return openWith(tb, cluster, o)
	}
	return storetest.Harness{
		Open: func(tb testing.TB) driver.Driver {
			tb.Helper()
			return at(tb, newPrefix())
		},
		Reopen: func(tb testing.TB, d driver.Driver) driver.Driver {
			tb.Helper()
			return at(tb, d.(placed).prefix)
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
