package etcd

import (
	"cmp"
	"context"
	"errors"
	"strings"
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

// TestMemberOfAnotherCluster has lost its disk and was made anew: it is whole, has a leader, and
// knows none of the keys. Its answers are errors, and the answer to a write is unknown.
func TestMemberOfAnotherCluster(t *testing.T) {
	t.Parallel()
	cluster, other := etcdtest.Start(t, 1), etcdtest.Start(t, 1)
	d := openEmpty(t, cluster)
	gets(t, d, driver.Advanced, write(driver.Set, "k", 1))
	ours, theirs := d.client.Endpoints(), open(t, other, newPrefix()).client.Endpoints()
	calls := map[string]func() error{
		"Get": func() error {
			records, err := d.Get(t.Context(), []string{"k"})
			return cmp.Or(err, recordErr(records))
		},
		"Scan": func() (last error) {
			n := 0
			for keys, err := range d.Scan(t.Context(), "*", 10) {
				n += len(keys)
				last = err
			}
			if last == nil && n == 0 {
				last = driver.ErrNotFound
			}
			return last
		},
		"Write": func() error {
			r := writes(t, d, write(driver.Set, "k", 1))[0]
			if r.Err != nil && r.Outcome != driver.Unknown {
				t.Errorf("a write is %v, %v", r.Outcome, r.Err)
			}
			return r.Err
		},
		"Acquire": func() error {
			_, err := driver.One(d.Acquire(t.Context(), []driver.Lease{{Key: "k", Owner: "a", TTL: time.Minute}}))
			return err
		},
	}
	for name, call := range calls {
		until := func(endpoints []string, what string, so func(error) bool) {
			t.Helper()
			d.client.SetEndpoints(endpoints...)
			for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
				err := call()
				if errors.Is(err, driver.ErrNotFound) {
					t.Fatalf("%s: the other cluster's answer passes for ours", name)
				}
				if so(err) {
					return
				}
				if time.Now().After(deadline) {
					t.Fatalf("%s, %s: %v", name, what, err)
				}
			}
		}
		until(theirs, "of the other cluster", func(err error) bool {
			return err != nil && strings.Contains(err.Error(), "several clusters") && strings.Contains(driver.Hint(err), "restart")
		})
		until(ours, "of its own cluster again", func(err error) bool { return err == nil })
	}
}

func recordErr(records []driver.Record) error {
	if len(records) == 0 {
		return nil
	}
	return records[0].Err
}
