package etcd

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/etcdstore"
	"github.com/checkpointstore/checkpoint/integration/internal/etcdtest"
)

// Whatever happens to one member of three, nothing that was acknowledged is lost, and
// the driver works again by itself.
func TestOneMemberFails(t *testing.T) {
	t.Parallel()
	cluster := etcdtest.Start(t, 3)
	d, err := etcdstore.Open(t.Context(), cluster.URL()+"/three", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	lease := acquire(t, d, "a", 2*time.Minute)
	var last uint64
	advance := func(during string) {
		t.Helper()
		for deadline := time.Now().Add(40 * time.Second); ; {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			results, err := d.Write(ctx, []driver.Write{write(driver.IfNewer, "k", last+1)})
			cancel()
			if err == nil && results[0].Outcome.Landed() {
				last++
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s: no write has succeeded: %v, %v", during, results, err)
			}
		}
		if p := position(t, d, "k"); p != last {
			t.Fatalf("%s: the position is %d, want %d", during, p, last)
		}
		if renewed, err := driver.One(d.Renew(t.Context(), []driver.Lease{lease})); err == nil && renewed.Epoch != lease.Epoch || errors.Is(err, driver.ErrFenced) {
			t.Fatalf("%s: Renew: %+v, %v", during, renewed, err)
		}
		if _, err := driver.One(d.Acquire(t.Context(), []driver.Lease{{Key: "k", Owner: "b", TTL: time.Minute}})); err == nil {
			t.Fatalf("%s: another owner gets the lease", during)
		}
	}
	advance("at first")
	leader := cluster.Leader(t)
	leader.Kill()
	advance("the leader is killed")
	leader.Restart(t)
	advance("it is back")
	leader = cluster.Leader(t)
	leader.Isolate()
	advance("the leader is cut off from the others")
	leader.Rejoin()
	advance("it is back")
	leader = cluster.Leader(t)
	if err := leader.Pause(); err != nil {
		t.Fatal(err)
	}
	advance("the leader is paused")
	if err := leader.Resume(); err != nil {
		t.Fatal(err)
	}
	advance("it goes on")
}

// What the other tests break must break. A member that is cut off decides nothing, and the
// others go on.
func TestMemberIsCutOff(t *testing.T) {
	t.Parallel()
	cluster := etcdtest.Start(t, 3, etcdtest.QuickElections)
	d := openEmpty(t, cluster)
	gets(t, d, driver.Advanced, write(driver.Set, "k", 1))
	for what, fault := range map[string]struct{ begin, end func(*etcdtest.Member) error }{
		"cut off": {
			func(m *etcdtest.Member) error { m.Isolate(); return nil },
			func(m *etcdtest.Member) error { m.Rejoin(); return nil },
		},
		"paused": {(*etcdtest.Member).Pause, (*etcdtest.Member).Resume},
	} {
		former := cluster.Leader(t)
		alone := former.Client(t)
		if err := fault.begin(former); err != nil {
			t.Fatal(err)
		}
		cluster.Leader(t) // another one
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		if _, err := alone.Get(ctx, "none"); err == nil {
			t.Errorf("the member that is %s decides", what)
		}
		cancel()
		if err := fault.end(former); err != nil {
			t.Fatal(err)
		}
		cluster.Leader(t)
		if _, err := alone.Get(t.Context(), "none"); err != nil {
			t.Errorf("the member that was %s: %v", what, err)
		}
		alone.Close()
	}
}

// A driver that was without etcd for long works again with the first call.
func TestLongOutage(t *testing.T) {
	t.Parallel()
	cluster := etcdtest.Start(t, 3)
	d, err := etcdstore.Open(t.Context(), cluster.URL(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	gets(t, d, driver.Advanced, write(driver.Set, "k", 1))
	for _, m := range cluster.Members {
		m.Kill()
	}
	time.Sleep(50 * time.Second) // gRPC would now wait for longer than a call does
	for _, m := range cluster.Members {
		m.Restart(t)
	}
	cluster.Leader(t)
	if p := position(t, d, "k"); p != 1 {
		t.Errorf("the position is %d, want 1", p)
	}
}

func TestNoQuorum(t *testing.T) {
	t.Parallel()
	cluster := etcdtest.Start(t, 3)
	d := openEmpty(t, cluster)
	gets(t, d, driver.Advanced, write(driver.Set, "k", 1))
	leader := cluster.Leader(t)
	for _, m := range cluster.Members {
		if m != leader {
			m.Kill()
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if _, err := d.Get(ctx, []string{"k"}); err == nil || errors.Is(err, driver.ErrNotFound) || driver.Hint(err) == "" {
		t.Errorf("Get without a quorum: %v, hint %q", err, driver.Hint(err))
	}
	results, err := d.Write(ctx, []driver.Write{write(driver.Set, "k", 2)})
	if err != nil || results[0].Outcome.Landed() || driver.Hint(results[0].Err) == "" {
		t.Errorf("Write without a quorum: %+v, %v", results, err)
	}
	for _, m := range cluster.Members {
		if m != leader {
			m.Restart(t)
		}
	}
	cluster.Leader(t)
	gets(t, d, driver.Advanced, write(driver.Set, "k", 3))
}
