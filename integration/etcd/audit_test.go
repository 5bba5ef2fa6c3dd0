package etcd

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/integration/internal/etcdtest"
)

// none is what a deletion leaves.
const none = -1

// has checks the positions that the changes of key have left, the latest first.
func has(t *testing.T, d driver.Historian, key string, commits ...int) {
	t.Helper()
	entries, err := d.History(t.Context(), key, driver.AuditEntries)
	if err != nil {
		t.Fatal(err)
	}
	var left []int
	for _, e := range entries {
		commit := none
		if e.New != nil {
			commit = int(e.New.Commit) //nolint:gosec // one of a test
		}
		left = append(left, commit)
	}
	if !slices.Equal(left, commits) {
		t.Errorf("the entries of %q have left %v, want %v", key, left, commits)
	}
}

func deletes(t *testing.T, d driver.Driver, keys ...string) {
	t.Helper()
	if n, err := d.Delete(t.Context(), keys); err != nil || n != len(keys) {
		t.Fatalf("Delete: %d, %v", n, err)
	}
}

// releasesFence removes the fence of key, which has a lease before.
func releasesFence(t *testing.T, d placed, key string) {
	t.Helper()
	lease, err := driver.One(d.Acquire(t.Context(), []driver.Lease{{Key: key, Owner: "a", TTL: time.Hour}}))
	if err == nil {
		_, err = driver.One(d.Release(t.Context(), []driver.Lease{lease}))
	}
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(5 * time.Millisecond)
	if n, err := d.ReleaseFences(t.Context(), []string{key}, time.Millisecond); err != nil || n != 1 {
		t.Fatalf("ReleaseFences: %d, %v", n, err)
	}
}

func TestAuditEntriesOfOneKeyAreNotAnothers(t *testing.T) {
	cluster := etcdtest.Start(t, 1)
	d := openEmpty(t, cluster)
	others := []string{"a/b", "a/", "a%", "a%2F", "a%2Fb", "a/0000000000000000001", "a0", "A", "é/"}
	for i, key := range append(others, "a") {
		gets(t, d, driver.Advanced, write(driver.Set, key, uint64(i))) //nolint:gosec // an index
	}
	has(t, d, "a", len(others))
	deletes(t, d, "a")
	releasesFence(t, d, "a")
	has(t, d, "a")
	for i, key := range others {
		has(t, d, key, i)
	}
}

func TestAuditEntriesArePruned(t *testing.T) {
	cluster := etcdtest.Start(t, 1)
	first := openEmpty(t, cluster)
	drivers := []placed{first, open(t, cluster, first.prefix)}
	const n = driver.AuditEntries + 20
	for i := range uint64(n) {
		gets(t, drivers[i%2], driver.Advanced, write(driver.Set, "k", i))
	}
	found, err := first.client.Get(t.Context(), first.prefix+"audit/k/", clientv3.WithPrefix(), clientv3.WithKeysOnly())
	if err != nil {
		t.Fatal(err)
	}
	if last := found.Kvs[len(found.Kvs)-1]; len(found.Kvs) != driver.AuditEntries || string(last.Key) != fmt.Sprintf("%saudit/k/%019d", first.prefix, n) {
		t.Errorf("%d changes leave %d etcd keys, of which the last is %s", n, len(found.Kvs), last.Key)
	}
}

// A driver that remembers entries that are gone adds to those that are there.
func TestAuditEntriesAfterTheyWereForgotten(t *testing.T) {
	cluster := etcdtest.Start(t, 1)
	stale := openEmpty(t, cluster)
	other := open(t, cluster, stale.prefix)
	for i := range uint64(driver.AuditEntries + 10) {
		gets(t, stale, driver.Advanced, write(driver.Set, "k", i))
	}
	deletes(t, stale, "k")
	releasesFence(t, other, "k")
	gets(t, other, driver.Advanced, write(driver.Set, "k", 1))
	deletes(t, other, "k")
	gets(t, stale, driver.Advanced, write(driver.Set, "k", 2))
	gets(t, other, driver.Advanced, write(driver.Set, "k", 3))
	has(t, stale, "k", 3, 2, none, 1)
}

// What nobody can read under the names of the entries stops no change.
func TestDamagedAuditEntry(t *testing.T) {
	cluster := etcdtest.Start(t, 1)
	for name, value := range map[string]string{
		"k/0000000000000000001":  "damaged",
		"k/0000000000000000002":  "null",
		"k/0000000000000000003":  `[{"op":"set"}]`,
		"k/0000000000000000004":  `[{"at":"2026-03-01T19:30:00.000Z","op":"set","new":{"commit":5,"prepare":6}}]`,
		"k/":                     "foreign",
		"k/notes":                "foreign",
		"k/9999999999999999999":  "foreign",
		"k/00000000000000000029": "foreign",
	} {
		t.Run(name, func(t *testing.T) {
			d := openEmpty(t, cluster)
			gets(t, d, driver.Advanced, write(driver.Set, "k", 1))
			put(t, d, "audit/"+name, value, 0)
			other := open(t, cluster, d.prefix)
			gets(t, d, driver.Advanced, write(driver.Set, "k", 2))
			gets(t, other, driver.Advanced, write(driver.Rewind, "k", 3))
			gets(t, other, driver.Advanced, write(driver.IfNewer, "k", 4))
			_, err := d.History(t.Context(), "k", driver.AuditEntries)
			if isClear(t, "History", err); err != nil && (!errors.Is(err, driver.ErrCorruptHistory) || !strings.Contains(err.Error(), "audit/"+name)) {
				t.Errorf("the error is no ErrCorruptHistory that names the etcd key: %v", err)
			}
			if _, err := d.client.Delete(t.Context(), d.prefix+"audit/"+name); err != nil {
				t.Fatal(err)
			}
			if strings.HasSuffix(name, "1") {
				has(t, d, "k", 3, 2)
			} else if !strings.HasSuffix(name, "3") {
				has(t, d, "k", 3, 2, 1)
			}
		})
	}
}

// A change by hand is one request, too.
func TestAuditEntryGoesWithTheChange(t *testing.T) {
	cluster := etcdtest.Start(t, 1)
	var l line
	d := openEmpty(t, cluster, l.on)
	gets(t, d, driver.Advanced, write(driver.Set, "k", 1))
	for i := range uint64(3) {
		calls := l.during(func() { gets(t, d, driver.Advanced, write(driver.Set, "k", i)) })
		if calls["Txn"] != 1 || len(calls) != 1 {
			t.Errorf("a Set made the calls %v, want one Txn", calls)
		}
	}
	cold := open(t, cluster, d.prefix, l.on)
	calls := l.during(func() { gets(t, cold, driver.Advanced, write(driver.Set, "k", 9)) })
	if calls["Txn"] != 2 || len(calls) != 1 {
		t.Errorf("the first Set of a driver made the calls %v, want two Txns", calls)
	}
}

// The longest entries, and many of them, keep within the limits of a request.
func TestLongAuditEntries(t *testing.T) {
	cluster := etcdtest.Start(t, 1)
	var l line
	d := openEmpty(t, cluster, l.on)
	by := &driver.By{Actor: strings.Repeat(`"`, 256), Reason: strings.Repeat(`\`, 512), Op: strings.Repeat(`"`, 64)}
	var ws []driver.Write
	for i := range 2*driver.AuditEntries + 1 {
		ws = append(ws, write(driver.Set, "k", uint64(i))) //nolint:gosec // an index
	}
	for _, key := range keys(250) {
		for range 8 {
			ws = append(ws, write(driver.Set, key+strings.Repeat("/", 512-len(key)), 1))
		}
	}
	for i := range ws {
		ws[i].By = by
	}
	calls := l.during(func() { gets(t, d, driver.Advanced, ws...) })
	if calls["Txn"] > 100 {
		t.Errorf("the writes made the calls %v: a request was too large, and went key by key", calls)
	}
	entries, err := d.History(t.Context(), "k", driver.AuditEntries+1)
	if err != nil || len(entries) != driver.AuditEntries {
		t.Errorf("History: %d entries, %v", len(entries), err)
	}
}
