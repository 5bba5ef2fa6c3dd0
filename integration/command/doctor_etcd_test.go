package command

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"

	"github.com/checkpointstore/checkpoint/integration/internal/etcdtest"

	"github.com/checkpointstore/checkpoint/internal/doctortest"
)

func TestDoctorOnASoundEtcd(t *testing.T) {
	cluster := etcdtest.Start(t, 3)
	must(t, "set", "orders", "1", "--epoch", "2", "--store", cluster.URL())
	found := examine(t, cluster.URL())
	doctortest.AllOK(t, found, "disk") // which may be slow while other tests run
	doctortest.Reports(t, found, "members", "OK", "3 of 3 members answer")
	doctortest.Reports(t, found, "disk", "", "99 of 100 syncs of the log took")
	for _, check := range []string{"version", "alarms", "size", "checkpoints", "fences", "leases"} {
		doctortest.Reports(t, found, check, "OK", "")
	}
	doctortest.Reports(t, examine(t, "etcd://"+cluster.Members[0].Endpoint()), "endpoints", "WARN", "the URL names one of 3 members")
}

func TestDoctorOnMembersThatAreDown(t *testing.T) {
	cluster := etcdtest.Start(t, 3)
	must(t, "set", "orders", "1", "--store", cluster.URL())
	cluster.Members[0].Kill()
	found := examine(t, cluster.URL())
	doctortest.Reports(t, found, "members", "WARN", "2 of 3 members answer and have a leader, and without one more there is no majority; "+cluster.Members[0].Endpoint())
	doctortest.Reports(t, found, "checkpoints", "OK", "1 checkpoint")
	cluster.Members[1].Kill()
	found = examine(t, cluster.URL(), "--timeout", "4s")
	doctortest.Reports(t, found, "members", "FAIL", " of the 3 members in the URL answer and have a leader; ")
	doctortest.Reports(t, found, "store", "FAIL", "")
}

func TestDoctorOnAlarms(t *testing.T) {
	cluster := etcdtest.Start(t, 1)
	must(t, "set", "orders", "1", "--store", cluster.URL())
	maintenance := etcdserverpb.NewMaintenanceClient(cluster.Client(t).ActiveConnection())
	for _, alarm := range []etcdserverpb.AlarmType{etcdserverpb.AlarmType_NOSPACE, etcdserverpb.AlarmType_CORRUPT} {
		request := &etcdserverpb.AlarmRequest{Action: etcdserverpb.AlarmRequest_ACTIVATE, Alarm: alarm, MemberID: cluster.Members[0].ID()}
		if _, err := maintenance.Alarm(t.Context(), request); err != nil {
			t.Fatal(err)
		}
		doctortest.Reports(t, examine(t, cluster.URL()), "alarms", "FAIL", "has the alarm "+alarm.String())
	}
}

func TestDoctorOnAFullEtcd(t *testing.T) {
	const quota = 4 << 20
	cluster := etcdtest.Start(t, 1, func(c *embed.Config) { c.QuotaBackendBytes = quota })
	must(t, "set", "orders", "1", "--store", cluster.URL())
	client := cluster.Client(t)
	var levels []string
	for n := 0; n < 100 && !slices.Contains(levels, "FAIL"); n++ {
		_, err := client.Put(t.Context(), fmt.Sprint("k", n), strings.Repeat("x", 50_000))
		if err != nil && !strings.Contains(err.Error(), "database space exceeded") {
			t.Fatal(err)
		}
		if n < 40 { // less than half of the quota
			continue
		}
		for _, f := range examine(t, cluster.URL()) {
			if f.Check == "size" && !slices.Contains(levels, f.Level) {
				levels = append(levels, f.Level)
				doctortest.Reports(t, []doctortest.Finding{f}, "size", "", "of 4096 KiB, its quota")
			}
		}
	}
	if want := []string{"OK", "WARN", "FAIL"}; !slices.Equal(levels, want) {
		t.Errorf("while etcd becomes full the levels are %q, want %q", levels, want)
	}
}

// A member whose metrics are elsewhere is asked for changes that leave no key.
func TestDoctorWithoutMetrics(t *testing.T) {
	cluster := etcdtest.StartEmbedded(t, 1, func(c *embed.Config) {
		c.ListenClientHttpUrls = []url.URL{{Scheme: "http", Host: "127.0.0.1:0"}}
	})
	must(t, "set", "orders", "1", "--store", cluster.URL())
	client := cluster.Client(t)
	revision := func() int64 {
		t.Helper()
		answer, err := client.Get(t.Context(), "any")
		if err != nil {
			t.Fatal(err)
		}
		return answer.Header.Revision
	}
	before := revision()
	doctortest.Reports(t, examine(t, cluster.URL()), "disk", "", "as this machine sees it")
	if revision() != before {
		t.Error("doctor changes a key")
	}
	leases, err := client.Leases(t.Context())
	if err != nil || len(leases.Leases) != 0 {
		t.Errorf("doctor leaves leases: %v, %v", leases, err)
	}
	// A member that stores holds this lock until its disk has answered.
	lock := cluster.Members[0].Server().Server.Backend().BatchTx()
	lock.Lock()
	defer lock.Unlock()
	doctortest.Reports(t, examine(t, cluster.URL(), "--timeout", "3s"), "disk", "WARN", "could not be made")
}

// A user with the role of docs/etcd.md sees all that others see.
func TestDoctorAsAUserOfEtcd(t *testing.T) {
	cluster := etcdtest.Start(t, 1)
	client := cluster.Client(t)
	ctx := t.Context()
	_, err := client.RoleAdd(ctx, "checkpoint")
	if err == nil {
		_, err = client.RoleGrantPermission(ctx, "checkpoint", "checkpoint/", clientv3.GetPrefixRangeEnd("checkpoint/"), clientv3.PermissionType(clientv3.PermReadWrite))
	}
	for _, user := range []struct{ name, role string }{{"root", "root"}, {"app", "checkpoint"}} {
		if err == nil {
			_, err = client.UserAdd(ctx, user.name, "sesame")
		}
		if err == nil {
			_, err = client.UserGrantRole(ctx, user.name, user.role)
		}
	}
	if err == nil {
		_, err = client.AuthEnable(ctx)
	}
	if err != nil {
		t.Fatal(err)
	}
	found := examine(t, "etcd://app:sesame@"+cluster.Members[0].Endpoint())
	doctortest.Reports(t, found, "members", "OK", "1 of 1 members")
	doctortest.Reports(t, found, "alarms", "OK", "")
	if !etcdtest.Processes() { // another server may be too old
		doctortest.AllOK(t, found, "disk")
	}
	doctortest.Reports(t, examine(t, "etcd://app:sesame2@"+cluster.Members[0].Endpoint()), "store", "FAIL", "password")
}
