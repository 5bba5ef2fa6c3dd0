package etcd

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/etcdstore"
	"github.com/checkpointstore/checkpoint/integration/internal/etcdtest"
)

var crashes = flag.Int("crashes", 60, "how many clients crash in TestCrashesLeaveNoEtcdLease")

// Clients crash in the middle of what they do with TTLs and leases, and leaders die. No
// etcd lease outlives the longest TTL.
func TestCrashesLeaveNoEtcdLease(t *testing.T) {
	t.Parallel()
	cluster := etcdtest.Start(t, 3, etcdtest.QuickElections)
	watcher := openEmpty(t, cluster)
	endpoints := cluster.Endpoints()
	var crashed, granted atomic.Int64
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for crashed.Add(1) <= int64(*crashes) {
				granted.Add(crash(t, endpoints, watcher.prefix))
			}
		})
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	most := 0
	for n := 1; ; n++ {
		select {
		case <-done:
			t.Logf("%d clients have crashed; they made %d calls, and there were up to %d etcd leases", *crashes, granted.Load(), most)
			if granted.Load() == 0 || most == 0 {
				t.Error("no call succeeded, or there was no etcd lease: this proves nothing")
			}
			leaves(t, watcher.client, 0, "the longest TTL")
			return
		case <-time.After(100 * time.Millisecond):
		}
		if all, err := watcher.client.Leases(t.Context()); err == nil {
			most = max(most, len(all.Leases))
		}
		if n%40 == 0 {
			leader := cluster.Leader(t)
			leader.Kill()
			cluster.Leader(t)
			leader.Restart(t)
		}
	}
}

// crash lets a client work for a moment after its first call that succeeds, and closes
// its connections. It returns how many calls have succeeded.
func crash(t *testing.T, endpoints []string, prefix string) int64 {
	t.Helper()
	client := etcdtest.Connect(t, endpoints)
	d, err := etcdstore.New(client, &etcdstore.Options{Prefix: prefix, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Error(err)
		return 0
	}
	ctx, cancel := context.WithCancel(t.Context())
	var succeeded atomic.Int64
	first := make(chan struct{})
	succeeds := func() {
		if succeeded.Add(1) == 1 {
			close(first)
		}
	}
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for ctx.Err() == nil {
				useLeases(ctx, d, succeeds)
			}
		})
	}
	select {
	case <-first:
	case <-time.After(10 * time.Second):
	}
	time.Sleep(rand.N(500 * time.Millisecond))
	client.Close()
	cancel()
	wg.Wait()
	d.Close()
	return succeeded.Load()
}

// useLeases makes some calls that need etcd leases, of up to 4 seconds, until one fails.
func useLeases(ctx context.Context, d *etcdstore.Driver, succeeds func()) {
	key := fmt.Sprint(rand.N(8))
	ttl := time.Duration(2+rand.N(3)) * time.Second
	if _, err := d.Write(ctx, []driver.Write{expiring(write(driver.IfNewer, key, rand.Uint64()), ttl)}); err != nil {
		return
	}
	succeeds()
	reports, err := d.Report(ctx, []driver.Report{{Key: key, Instance: "a", Text: "text", TTL: ttl}})
	if err != nil || reports[0].Err != nil {
		return
	}
	succeeds()
	lease, err := driver.One(d.Acquire(ctx, []driver.Lease{{Key: key, Owner: fmt.Sprint(rand.Uint64()), TTL: ttl}}))
	if err != nil {
		return
	}
	succeeds()
	lease.TTL = ttl
	if lease, err = driver.One(d.Renew(ctx, []driver.Lease{lease})); err != nil || rand.N(2) == 0 {
		return
	}
	succeeds()
	if _, err := d.Release(ctx, []driver.Lease{lease}); err == nil {
		succeeds()
	}
}
