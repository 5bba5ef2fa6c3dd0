package etcd

import (
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/etcdstore"
	"github.com/checkpointstore/checkpoint/integration/internal/etcdtest"
)

// placed is a driver that knows its prefix and has a client beside it.
type placed struct {
	*etcdstore.Driver
	client *clientv3.Client
	prefix string
}

var prefixes atomic.Int64

func open(tb testing.TB, cluster *etcdtest.Cluster, prefix string, configure ...func(*clientv3.Config)) placed {
	tb.Helper()
	return openWith(tb, cluster, etcdstore.Options{Prefix: prefix}, configure...)
}

func openWith(tb testing.TB, cluster *etcdtest.Cluster, o etcdstore.Options, configure ...func(*clientv3.Config)) placed {
	tb.Helper()
	client := cluster.Client(tb, configure...)
	o.Logger = slog.New(slog.DiscardHandler)
	d, err := etcdstore.New(client, &o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { d.Close() })
	return placed{d, client, o.Prefix}
}

// openEmpty returns a driver with a prefix of its own.
func openEmpty(tb testing.TB, cluster *etcdtest.Cluster, configure ...func(*clientv3.Config)) placed {
	tb.Helper()
	return open(tb, cluster, newPrefix(), configure...)
}

func newPrefix() string { return fmt.Sprintf("test/%d/", prefixes.Add(1)) }

func write(mode driver.Mode, key string, commit uint64) driver.Write {
	return driver.Write{Key: key, Mode: mode, Mark: driver.Mark{Position: driver.Position{Commit: commit}}}
}

// writes sends writes, and returns their results.
func writes(tb testing.TB, d driver.Driver, writes ...driver.Write) []driver.Result {
	tb.Helper()
	results, err := d.Write(tb.Context(), writes)
	if err != nil {
		tb.Fatal(err)
	}
	return results
}

// gets sends writes, each of which must have the outcome want.
func gets(tb testing.TB, d driver.Driver, want driver.Outcome, ws ...driver.Write) {
	tb.Helper()
	for i, r := range writes(tb, d, ws...) {
		if r.Outcome != want {
			tb.Fatalf("write %d of %q: %v, %v, want %v", i, ws[i].Key, r.Outcome, r.Err, want)
		}
	}
}

func position(tb testing.TB, d driver.Driver, key string) uint64 {
	tb.Helper()
	records, err := d.Get(tb.Context(), []string{key})
	if err != nil || records[0].Err != nil {
		tb.Fatalf("Get %q: %v, %v", key, records, err)
	}
	return records[0].Position.Commit
}

func keys(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("key/%04d", i)
	}
	return all
}

func second(_ any, err error) error { return err }

// asUser enables auth, adds a user with this role, and returns what has a client use it.
// The user root keeps its rights, and has the password "root".
func asUser(tb testing.TB, cluster *etcdtest.Cluster, name, role string) func(*clientv3.Config) {
	tb.Helper()
	client, ctx := cluster.Client(tb), tb.Context()
	for _, err := range []error{
		second(client.UserAdd(ctx, name, "secret")),
		second(client.UserGrantRole(ctx, name, role)),
		second(client.UserAdd(ctx, "root", "root")),
		second(client.RoleAdd(ctx, "root")),
		second(client.UserGrantRole(ctx, "root", "root")),
		second(client.AuthEnable(ctx)),
	} {
		if err != nil {
			tb.Fatal(err)
		}
	}
	return func(config *clientv3.Config) { config.Username, config.Password = name, "secret" }
}
