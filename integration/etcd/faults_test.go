package etcd

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"

	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/integration/internal/etcdtest"
)

// isClear checks that err says what is wrong and what to do, and does not say that nothing
// is there.
func isClear(t *testing.T, what string, err error) {
	t.Helper()
	if err == nil || errors.Is(err, driver.ErrNotFound) || driver.Hint(err) == "" {
		t.Errorf("%s: %v, hint %q, want an error with a remedy", what, err, driver.Hint(err))
	}
}

// fillUp writes until etcd has no space left.
func fillUp(t *testing.T, client *clientv3.Client) {
	t.Helper()
	const many = 1000
	for range many {
		_, err := client.Put(t.Context(), "ballast", strings.Repeat("x", 1<<18))
		if errors.Is(err, rpctypes.ErrNoSpace) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Fatal("etcd has space without end")
}

func TestOutOfSpace(t *testing.T) {
	t.Parallel()
	cluster := etcdtest.Start(t, 3, func(c *embed.Config) { c.QuotaBackendBytes = 8 << 20 })
	d := openEmpty(t, cluster)
	gets(t, d, driver.Advanced, write(driver.Set, "k", 1), write(driver.Set, "gone", 1))
	lease := acquire(t, d, "a", time.Hour)
	fillUp(t, d.client)
	for _, mode := range []driver.Mode{driver.Set, driver.IfNewer, driver.Rewind} {
		r := writes(t, d, write(mode, "k", 2))[0]
		if r.Outcome != driver.Unknown || !errors.Is(r.Err, rpctypes.ErrNoSpace) {
			t.Errorf("mode %d without space: %v, %v", mode, r.Outcome, r.Err)
		}
		isClear(t, "a write", r.Err)
	}
	isClear(t, "Renew", second(driver.One(d.Renew(t.Context(), []driver.Lease{lease}))))
	isClear(t, "Acquire", second(driver.One(d.Acquire(t.Context(), []driver.Lease{{Key: "l", Owner: "a", TTL: time.Hour}}))))
	if p := position(t, d, "k"); p != 1 {
		t.Errorf("without space the position is %d, want 1", p)
	}
	isClear(t, "Delete, which leaves an audit entry", second(d.Delete(t.Context(), []string{"gone"})))
	if _, err := driver.One(d.Release(t.Context(), []driver.Lease{lease})); err != nil {
		t.Errorf("Release without space: %v", err)
	}
	at, err := d.client.Get(t.Context(), "none")
	for _, err := range []error{
		err,
		second(d.client.Compact(t.Context(), at.Header.Revision, clientv3.WithCompactPhysical())),
		second(d.client.AlarmDisarm(t.Context(), new(clientv3.AlarmMember))),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, endpoint := range cluster.Endpoints() {
		if _, err := d.client.Defragment(t.Context(), endpoint); err != nil {
			t.Fatal(err)
		}
	}
	gets(t, d, driver.Advanced, write(driver.IfNewer, "k", 2))
	acquire(t, d, "b", time.Hour)
}

// A client asks for a new token by itself once its token has expired.
func TestExpiredToken(t *testing.T) {
	t.Parallel()
	const idle = 4 * time.Second // members look once a second for what has expired
	cluster := etcdtest.Start(t, 3, func(c *embed.Config) { c.AuthTokenTTL = 1 })
	if _, err := cluster.Client(t).RoleAdd(t.Context(), "none"); err != nil {
		t.Fatal(err)
	}
	asUser(t, cluster, "none", "none")
	var l line
	d := openEmpty(t, cluster, l.on, func(c *clientv3.Config) { c.Username, c.Password = "root", "root" })
	gets(t, d, driver.Advanced, write(driver.Set, "k", 1))
	calls := l.during(func() { usesTokens(t, d, idle) })
	if calls["Authenticate"] < 4 {
		t.Errorf("the client has asked for %d tokens: they have not expired", calls["Authenticate"])
	}
}

// usesTokens makes every kind of call, each after its token has expired.
func usesTokens(t *testing.T, d placed, idle time.Duration) {
	t.Helper()
	time.Sleep(idle)
	if p := position(t, d, "k"); p != 1 {
		t.Errorf("the position is %d, want 1", p)
	}
	time.Sleep(idle)
	gets(t, d, driver.Advanced, write(driver.Set, "k", 2), expiring(write(driver.Set, "l", 2), time.Hour))
	time.Sleep(idle)
	lease := acquire(t, d, "a", time.Hour)
	time.Sleep(idle)
	if _, err := driver.One(d.Renew(t.Context(), []driver.Lease{lease})); err != nil {
		t.Errorf("Renew: %v", err)
	}
	time.Sleep(idle)
	for _, err := range d.Scan(t.Context(), "*", 10) {
		if err != nil {
			t.Error(err)
		}
	}
}

// A user who loses its password gets a clear error, and works again with it.
func TestPasswordThatIsChanged(t *testing.T) {
	t.Parallel()
	cluster := etcdtest.Start(t, 1, func(c *embed.Config) { c.AuthTokenTTL = 1 })
	if _, err := cluster.Client(t).RoleAdd(t.Context(), "none"); err != nil {
		t.Fatal(err)
	}
	asUser(t, cluster, "none", "none")
	ctx := t.Context()
	byRoot(t, cluster, func(admin *clientv3.Client) error { return second(admin.UserAdd(ctx, "me", "secret")) })
	byRoot(t, cluster, func(admin *clientv3.Client) error { return second(admin.UserGrantRole(ctx, "me", "root")) })
	d := openEmpty(t, cluster, func(c *clientv3.Config) { c.Username, c.Password = "me", "secret" })
	gets(t, d, driver.Advanced, write(driver.Set, "k", 1))
	lease := acquire(t, d, "a", time.Hour)
	byRoot(t, cluster, func(admin *clientv3.Client) error { return second(admin.UserChangePassword(ctx, "me", "other")) })
	isClear(t, "Get", second(d.Get(ctx, []string{"k"})))
	r := writes(t, d, write(driver.Set, "k", 2))[0]
	isClear(t, "a write", r.Err)
	if r.Outcome != driver.Failed {
		t.Errorf("a write that is refused: %v, want Failed", r.Outcome)
	}
	isClear(t, "Renew", second(driver.One(d.Renew(ctx, []driver.Lease{lease}))))
	byRoot(t, cluster, func(admin *clientv3.Client) error { return second(admin.UserChangePassword(ctx, "me", "secret")) })
	gets(t, d, driver.Advanced, write(driver.Set, "k", 3))
}

// byRoot makes a change as root. A token lasts for a second, and etcd 3.5 may call a client
// whose token has ended somebody without the permission.
func byRoot(t *testing.T, cluster *etcdtest.Cluster, change func(admin *clientv3.Client) error) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		err := change(cluster.Client(t, func(c *clientv3.Config) { c.Username, c.Password = "root", "root" }))
		if err == nil {
			return
		}
		if !errors.Is(err, rpctypes.ErrPermissionDenied) || time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// A disk that does not answer keeps a call waiting for a bounded time.
func TestSlowDisk(t *testing.T) {
	t.Parallel()
	cluster := etcdtest.StartEmbedded(t, 3)
	d := openEmpty(t, cluster)
	gets(t, d, driver.Advanced, write(driver.Set, "k", 1))
	lease := acquire(t, d, "a", time.Hour)
	// A member that stores holds this lock until the disk has answered.
	for _, m := range cluster.Members {
		m.Server().Server.Backend().BatchTx().Lock()
	}
	soon, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	results, err := d.Write(soon, []driver.Write{write(driver.Set, "l", 2)})
	if err != nil || results[0].Outcome != driver.Unknown || !errors.Is(results[0].Err, context.DeadlineExceeded) {
		t.Errorf("a write whose context ends: %+v, %v", results, err)
	}
	var wg sync.WaitGroup
	var r driver.Result
	wg.Go(func() {
		r = writes(t, d, write(driver.Set, "k", 2))[0]
		isClear(t, "a write", r.Err)
	})
	wg.Go(func() {
		isClear(t, "Renew", second(driver.One(d.Renew(t.Context(), []driver.Lease{lease}))))
	})
	wg.Wait()
	for _, m := range cluster.Members {
		m.Server().Server.Backend().BatchTx().Unlock()
	}
	if p := position(t, d, "k"); r.Outcome.Landed() || r.Outcome == driver.Failed && p != 1 {
		t.Errorf("a write: %v, and the position is %d", r.Outcome, p)
	}
	gets(t, d, driver.Advanced, write(driver.Set, "k", 3))
}
