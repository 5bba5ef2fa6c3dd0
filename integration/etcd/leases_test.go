package etcd

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"

	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/integration/internal/etcdtest"
)

// leaves checks how many etcd leases there are.
func leaves(t *testing.T, client *clientv3.Client, want int, after string) {
	t.Helper()
	var n int
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		all, err := client.Leases(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if n = len(all.Leases); n == want {
			return
		}
	}
	t.Errorf("after %s there are %d etcd leases, want %d", after, n, want)
}

func expiring(w driver.Write, ttl time.Duration) driver.Write {
	w.TTL = ttl
	return w
}

func TestNoEtcdLeaseIsLeft(t *testing.T) {
	cluster := etcdtest.Start(t, 1)
	d := openEmpty(t, cluster)
	leaves(t, d.client, 0, "the start")
	for i := range uint64(10) {
		gets(t, d, driver.Advanced, expiring(write(driver.Set, "k", i), time.Hour))
	}
	leaves(t, d.client, 1, "ten writes with a TTL")
	gets(t, d, driver.Stale, expiring(write(driver.IfNewer, "k", 1), time.Hour))
	leaves(t, d.client, 1, "a write that is stale")
	gets(t, d, driver.Unchanged, expiring(write(driver.Touch, "k", 0), 2*time.Hour))
	leaves(t, d.client, 1, "a Touch")
	gets(t, d, driver.Advanced, write(driver.Set, "k", 1))
	leaves(t, d.client, 0, "a write without a TTL")
	gets(t, d, driver.Advanced, expiring(write(driver.Set, "k", 1), time.Hour))
	if n, err := d.Delete(t.Context(), []string{"k"}); err != nil || n != 1 {
		t.Fatal(n, err)
	}
	leaves(t, d.client, 0, "a Delete")

	lease := acquire(t, d, "a", time.Hour)
	for range 3 {
		lease = acquire(t, d, "a", time.Hour)
	}
	leaves(t, d.client, 1, "an owner has acquired again")
	if _, err := driver.One(d.Acquire(t.Context(), []driver.Lease{{Key: "k", Owner: "b", TTL: time.Hour}})); !errors.Is(err, driver.ErrLeaseHeld) {
		t.Fatal(err)
	}
	leaves(t, d.client, 1, "an Acquire that is refused")
	for _, ttl := range []time.Duration{time.Hour, 2 * time.Hour, time.Hour} {
		lease.TTL = ttl
		if _, err := driver.One(d.Renew(t.Context(), []driver.Lease{lease})); err != nil {
			t.Fatal(err)
		}
	}
	leaves(t, d.client, 1, "renewals")
	if _, err := driver.One(d.Release(t.Context(), []driver.Lease{lease})); err != nil {
		t.Fatal(err)
	}
	leaves(t, d.client, 0, "a Release")
	acquire(t, d, "a", time.Hour)
	if _, err := d.RaiseFence(t.Context(), "k", 0); err != nil {
		t.Fatal(err)
	}
	leaves(t, d.client, 0, "a RaiseFence")
}

func TestNoEtcdLeaseIsLeftByARace(t *testing.T) {
	cluster := etcdtest.Start(t, 1)
	first := openEmpty(t, cluster)
	var wg sync.WaitGroup
	for i := range 6 {
		d := open(t, cluster, first.prefix)
		wg.Go(func() {
			for n := range uint64(20) {
				if _, err := d.Write(t.Context(), []driver.Write{expiring(write(driver.IfNewer, "k", n), time.Hour)}); err != nil {
					t.Error(err)
				}
				lease, err := driver.One(d.Acquire(t.Context(), []driver.Lease{{Key: "k", Owner: fmt.Sprint(i), TTL: time.Hour}}))
				if err == nil {
					_, err = driver.One(d.Release(t.Context(), []driver.Lease{lease}))
				}
				if err != nil && !errors.Is(err, driver.ErrLeaseHeld) {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	leaves(t, first.client, 1, "a race")
}

// A driver that dies in the middle leaves etcd leases that nothing holds. They end.
func TestEtcdLeaseOfACrashEnds(t *testing.T) {
	t.Parallel()
	cluster := etcdtest.Start(t, 1)
	var l line
	d := openEmpty(t, cluster, l.on)
	l.answers(func(method string, _ any) error {
		if method == "LeaseGrant" {
			d.client.Close()
		}
		return nil
	})
	if _, err := driver.One(d.Acquire(t.Context(), []driver.Lease{{Key: "k", Owner: "a", TTL: 8 * time.Second}})); err == nil {
		t.Fatal("Acquire goes on after its client is closed")
	}
	other := open(t, cluster, d.prefix)
	leaves(t, other.client, 1, "a crash")
	leaves(t, other.client, 0, "the TTL")
	if lease := acquire(t, other, "b", time.Hour); lease.Epoch != 1 {
		t.Errorf("the crash has left epoch %d", lease.Epoch-1)
	}
}

// If the members elect slowly, etcd grants no short leases. The driver goes by what was
// granted.
func TestMinimumIsThatOfTheMembers(t *testing.T) {
	cluster := etcdtest.Start(t, 1, func(c *embed.Config) { c.TickMs, c.ElectionMs = 500, 5000 })
	d := openEmpty(t, cluster)
	lease := acquire(t, d, "a", 3*time.Second)
	if lease.TTL != 8*time.Second || time.Until(lease.ExpiresAt) > 8*time.Second || time.Until(lease.ExpiresAt) < 5*time.Second {
		t.Errorf("a lease of 3 s is granted for %v, until %v, want 8 s", lease.TTL, lease.ExpiresAt)
	}
	if _, minimum := d.TTLUnit(); minimum != 8*time.Second {
		t.Errorf("the minimum is %v, want 8 s", minimum)
	}
	leaves(t, d.client, 1, "an Acquire")
}

// An etcd lease that an operator revokes ends the lease, and nobody else's.
func TestRevokedEtcdLease(t *testing.T) {
	cluster := etcdtest.Start(t, 1)
	d := openEmpty(t, cluster)
	lease := acquire(t, d, "a", time.Hour)
	all, err := d.client.Leases(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range all.Leases {
		if _, err := d.client.Revoke(t.Context(), l.ID); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := driver.One(d.Renew(t.Context(), []driver.Lease{lease})); err != nil {
		t.Errorf("Renew of a lease that nobody has taken over: %v", err)
	}
	if _, err := driver.One(d.Acquire(t.Context(), []driver.Lease{{Key: "k", Owner: "b", TTL: time.Hour}})); !errors.Is(err, driver.ErrLeaseHeld) {
		t.Errorf("Acquire of the lease that was renewed: %v", err)
	}
	leaves(t, d.client, 1, "the renewal")
}

// A leader that was deposed may renew an etcd lease of which the next one knows nothing.
func TestRenewalOfADeposedLeaderDoesNotCount(t *testing.T) {
	cluster := etcdtest.Start(t, 1)
	var l line
	d := openEmpty(t, cluster, l.on)
	lease := acquire(t, d, "a", time.Hour)
	deposed := 1
	l.reply = func(reply any) {
		if txn, ok := reply.(*pb.TxnResponse); ok && deposed > 0 {
			deposed--
			txn.Header.RaftTerm++ // that of a later leader
		}
	}
	time.Sleep(2 * time.Millisecond) // a renewal within the same millisecond has nothing to store
	calls := l.during(func() {
		if _, err := driver.One(d.Renew(t.Context(), []driver.Lease{lease})); err != nil {
			t.Fatal(err)
		}
	})
	if calls["Txn"] != 2 {
		t.Errorf("the renewal made the calls %v, want a second Txn", calls)
	}
	leaves(t, d.client, 1, "a renewal that was made twice")
}

func acquire(t *testing.T, d driver.Leaser, owner string, ttl time.Duration) driver.Lease {
	t.Helper()
	lease, err := driver.One(d.Acquire(t.Context(), []driver.Lease{{Key: "k", Owner: owner, TTL: ttl}}))
	if err != nil {
		t.Fatal(err)
	}
	return lease
}

// TestEtcdLeaseThatHasAgedIsNotAttached: what is attached to it would end too early.
func TestEtcdLeaseThatHasAgedIsNotAttached(t *testing.T) {
	t.Parallel()
	cluster := etcdtest.Start(t, 1)
	var l line
	d := openEmpty(t, cluster, l.on)
	other := open(t, cluster, d.prefix)
	l.answers(func(method string, _ any) error {
		if method == "LeaseGrant" {
			l.change = nil
			time.Sleep(300 * time.Millisecond)
			gets(t, other, driver.Advanced, write(driver.Set, "k", 1)) // so that the first transaction is refused
		}
		return nil
	})
	w := write(driver.Set, "k", 2)
	w.TTL = time.Hour
	if sent := l.during(func() { gets(t, d, driver.Advanced, w) }); sent["LeaseGrant"] != 2 {
		t.Errorf("%v, want 2 etcd leases: the first one has aged", sent)
	}
	leaves(t, d.client, 1, "a write with a TTL")
}
