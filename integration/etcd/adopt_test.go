package etcd

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/integration/internal/etcdtest"
)

// pastOf returns so many of the longest entries, and so many samples, the latest first. The
// latest is n.
func pastOf(entries, samples int) (past []driver.AuditEntry, stood []driver.Sample) {
	by := driver.By{Actor: strings.Repeat(`"`, 256), Reason: strings.Repeat(`\`, 512)}
	for i := entries; i > 0; i-- {
		p := driver.Position{Commit: uint64(i), Prepare: 1<<64 - 1} //nolint:gosec // an index
		past = append(past, driver.AuditEntry{
			At: morning.Add(time.Duration(i) * time.Second), Op: strings.Repeat(`"`, 64), By: by, Old: &p, New: &p, OldEpoch: 1<<64 - 1, NewEpoch: 1<<64 - 1,
		})
	}
	for i := samples; i > 0; i-- {
		at := morning.Add(time.Duration(i) * time.Hour)
		stood = append(stood, driver.Sample{At: at, Hourly: true, Position: driver.Position{Commit: uint64(i)}}) //nolint:gosec // an index
	}
	return past, stood
}

func adopts(t *testing.T, d driver.Adopter, key string, entries []driver.AuditEntry, samples []driver.Sample) {
	t.Helper()
	if err := d.Adopt(t.Context(), key, entries, samples); err != nil {
		t.Fatalf("Adopt for %q: %v", key, err)
	}
}

// count returns how many etcd keys a folder has: "audit/".
func (d placed) count(t *testing.T, folder string) int64 {
	t.Helper()
	found, err := d.client.Get(t.Context(), d.prefix+folder, clientv3.WithPrefix(), clientv3.WithCountOnly())
	if err != nil {
		t.Fatal(err)
	}
	return found.Count
}

// The longest entries and the most samples go in one transaction each. The items that come
// later are numbered after them, by a driver that remembers none, too, and remove them.
func TestAdoptStoresAllInTwoTransactions(t *testing.T) {
	cluster := etcdtest.Start(t, 1)
	var l line
	d := openEmpty(t, cluster, l.on)
	other := open(t, cluster, d.prefix)
	gets(t, other, driver.Advanced, write(driver.IfNewer, "k", 1)) // it remembers that there are none
	entries, samples := pastOf(driver.AuditEntries, driver.HourlySampleCount)
	calls := l.during(func() { adopts(t, d, "k", entries, samples) })
	if calls["Txn"] != 2 || len(calls) != 1 {
		t.Errorf("Adopt made the calls %v, want two Txns", calls)
	}
	if found, err := other.History(t.Context(), "k", driver.AuditEntries); err != nil || !reflect.DeepEqual(found, entries) {
		t.Errorf("History: %d entries, %v, want those that were adopted", len(found), err)
	}
	if found, err := other.Samples(t.Context(), "k"); err != nil || !reflect.DeepEqual(found, samples) {
		t.Errorf("Samples: %d samples, %v, want those that were adopted", len(found), err)
	}
	at := samples[0].At.Add(24 * time.Hour)
	for i := range uint64(driver.AuditEntries) {
		if n := d.count(t, "audit/"); i == 128 && n != 128+12 { // twelve hold the other 128
			t.Errorf("%d etcd keys of entries after 128 later ones, want 140", n)
		}
		gets(t, other, driver.Advanced, sampled(write(driver.Set, "k", i), at))
		at = at.Add(time.Hour)
	}
	if n := d.count(t, "audit/"); n != driver.AuditEntries {
		t.Errorf("%d etcd keys of entries, want that later ones have removed those that were adopted", n)
	}
	if n := d.count(t, "hours/"); n > driver.HourlySampleCount/12+2 {
		t.Errorf("%d etcd keys of hourly samples", n)
	}
	found, err := d.Samples(t.Context(), "k")
	if err != nil || len(found) != driver.HourlySampleCount || found[0].Position.Commit != driver.AuditEntries-2 {
		t.Errorf("Samples: %d samples, %v", len(found), err)
	}
}

// Adopt is sent again if its answer is lost, and finds what it has stored.
func TestLostAnswerOfAdopt(t *testing.T) {
	cluster := etcdtest.Start(t, 1)
	var l line
	d := openEmpty(t, cluster, l.on)
	entries, samples := pastOf(2, 2)
	for range 2 {
		l.lose(2, rpctypes.ErrGRPCLeaderChanged)
		adopts(t, d, "k", entries, samples)
	}
	has(t, d, "k", 2, 1)
	stands(t, d, "k", 2, 1)
}

// Whatever is under the names of the items of a key stays, and counts as some.
func TestAdoptLeavesDamage(t *testing.T) {
	cluster := etcdtest.Start(t, 1)
	entries, samples := pastOf(1, 1)
	for _, name := range []string{"audit/k/", "samples/k/notes", "hours/k/0000000000000000001"} {
		t.Run(name, func(t *testing.T) {
			d := openEmpty(t, cluster)
			put(t, d, name, "damaged", 0)
			adopts(t, d, "k", entries, samples)
			folder, _, _ := strings.Cut(name, "k")
			if n := d.count(t, folder); n != 1 {
				t.Errorf("%s has %d etcd keys, want the damaged one alone", folder, n)
			}
			if audited := d.count(t, "audit/") == 1; !audited {
				t.Error("the entries were not adopted, although they are none of the samples")
			}
		})
	}
}
