package etcd

import (
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/integration/internal/etcdtest"
)

// The role of docs/etcd.md is enough for every method, and not for another prefix.
func TestDocumentedRole(t *testing.T) {
	cluster := etcdtest.Start(t, 1)
	outside := openEmpty(t, cluster)
	const prefix = "checkpoint/"
	for _, err := range []error{
		second(outside.client.RoleAdd(t.Context(), "checkpoint")),
		second(outside.client.RoleGrantPermission(t.Context(), "checkpoint", prefix, clientv3.GetPrefixRangeEnd(prefix),
			clientv3.PermissionType(clientv3.PermReadWrite))),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	user := asUser(t, cluster, "me", "checkpoint")
	d := open(t, cluster, prefix, user)
	ends, err := d.LeaseEnds(t.Context(), []string{"k"})
	if err != nil {
		t.Fatal(err)
	}
	gets(t, d, driver.Advanced, expiring(write(driver.Set, "k", 1), time.Hour), write(driver.Rewind, "l", 1))
	tells(t, d, "k", "text", time.Hour)
	lease := acquire(t, d, "a", time.Hour)
	for _, err := range []error{
		second(driver.One(d.Renew(t.Context(), []driver.Lease{lease}))),
		second(driver.One(d.Release(t.Context(), []driver.Lease{lease}))),
		second(d.RaiseFence(t.Context(), "k", 0)),
		second(d.Delete(t.Context(), []string{"k", "l"})),
		second(d.ReleaseFences(t.Context(), []string{"k", "l"}, 0)),
		second(d.Inspect(t.Context(), []string{"k"})),
		second(d.History(t.Context(), "k", 1)),
		second(d.Samples(t.Context(), "k")),
		second(d.Reports(t.Context(), []string{"k"})),
	} {
		if err != nil {
			t.Error(err)
		}
	}
	for _, err := range d.ScanCells(t.Context(), "*", 10) {
		if err != nil {
			t.Error(err)
		}
	}
	select {
	case _, open := <-ends:
		if !open {
			t.Error("the watch is refused")
		}
	case <-time.After(20 * time.Second):
		t.Error("the watch has not begun")
	}
	other := open(t, cluster, outside.prefix, user)
	if r := writes(t, other, write(driver.Set, "k", 1))[0]; r.Outcome != driver.Failed || driver.Hint(r.Err) == "" {
		t.Errorf("a write outside of the role: %v, %v", r.Outcome, r.Err)
	}
	closed, err := other.LeaseEnds(t.Context(), []string{"k"})
	if err != nil {
		t.Fatal(err)
	}
	for open := true; open; {
		select {
		case _, open = <-closed:
		case <-time.After(20 * time.Second):
			t.Fatal("the channel of a watch that is refused is not closed")
		}
	}
	if _, err := other.LeaseEnds(t.Context(), []string{"k"}); err == nil {
		t.Error("LeaseEnds after the refusal has no error")
	}
}
