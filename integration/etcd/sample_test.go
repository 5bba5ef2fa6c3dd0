package etcd

import (
	"errors"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/integration/internal/etcdtest"
)

// sampled is w at a time, and keeps a sample of the five minutes before.
func sampled(w driver.Write, at time.Time) driver.Write {
	w.UpdatedAt, w.SampleBefore = at, at.Truncate(5*time.Minute)
	return w
}

// stands checks the positions of the samples of key, the latest first.
func stands(t *testing.T, d driver.Sampler, key string, want ...uint64) {
	t.Helper()
	samples, err := d.Samples(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	if len(samples) != len(want) {
		t.Fatalf("%q has the samples %v, want %v", key, samples, want)
	}
	for i, s := range samples {
		if s.Position.Commit != want[i] {
			t.Errorf("sample %d of %q is %v, want %v", i, key, s, want[i])
		}
	}
}

// A write that keeps a sample is one request, and a driver that knows no samples needs two.
func TestSampleGoesWithTheWrite(t *testing.T) {
	cluster := etcdtest.Start(t, 1)
	var l line
	d := openEmpty(t, cluster, l.on)
	gets(t, d, driver.Advanced, sampled(write(driver.IfNewer, "k", 1), morning))
	calls := l.during(func() {
		gets(t, d, driver.Advanced, sampled(write(driver.IfNewer, "k", 2), morning.Add(5*time.Minute)))
		gets(t, d, driver.Advanced, sampled(write(driver.IfNewer, "k", 3), morning.Add(time.Hour)))
	})
	if calls["Txn"] != 2 || len(calls) != 1 {
		t.Errorf("two writes made the calls %v, want one Txn each", calls)
	}
	other := open(t, cluster, d.prefix, l.on)
	gets(t, other, driver.Advanced, sampled(write(driver.IfNewer, "k", 4), morning.Add(time.Hour+time.Minute)))
	calls = l.during(func() {
		gets(t, other, driver.Advanced, sampled(write(driver.IfNewer, "k", 5), morning.Add(2*time.Hour)))
	})
	if calls["Txn"] != 2 || len(calls) != 1 {
		t.Errorf("the first sample of another driver made the calls %v, want two Txns", calls)
	}
	stands(t, d, "k", 4, 2, 1)
}

// What a key keeps is bounded: in etcd keys, and in bytes.
func TestSamplesArePruned(t *testing.T) {
	cluster := etcdtest.Start(t, 1)
	d := openEmpty(t, cluster)
	at, commit := morning, uint64(1e9)
	keep := func(n int, apart time.Duration) {
		for range n {
			commit++
			w := write(driver.IfNewer, "a-consumer-of-orders", commit)
			w.Position.Prepare = commit
			gets(t, d, driver.Advanced, sampled(w, at))
			at = at.Add(apart)
		}
	}
	keep(driver.HourlySampleCount+20, time.Hour)
	keep(driver.SampleCount+20, 5*time.Minute)
	items, bytes := make(map[string]int), 0
	for _, folder := range []string{"samples/", "hours/"} {
		found, err := d.client.Get(t.Context(), d.prefix+folder, clientv3.WithPrefix())
		if err != nil {
			t.Fatal(err)
		}
		for _, kv := range found.Kvs {
			items[folder]++
			bytes += len(kv.Key) - len(d.prefix) + len("checkpoint/") + len(kv.Value)
		}
	}
	t.Logf("the samples of a key take %d bytes: %v etcd keys", bytes, items)
	if items["samples/"] > driver.SampleCount/12+2 || items["hours/"] > driver.HourlySampleCount/12+2 || bytes > 80_000 {
		t.Errorf("%v etcd keys of %d bytes", items, bytes)
	}
	samples, err := d.Samples(t.Context(), "a-consumer-of-orders")
	if want := driver.SampleCount + driver.HourlySampleCount - 25; err != nil || len(samples) < want {
		t.Errorf("%d samples, %v, want %d at least", len(samples), err, want)
	}
}

// What nobody can read under the names of the samples stops no write.
func TestDamagedSample(t *testing.T) {
	cluster := etcdtest.Start(t, 1)
	for name, value := range map[string]string{
		"samples/k/0000000000000000001": "damaged",
		"samples/k/0000000000000000007": `["2026-03-01T08:00:00.000Z"]`,
		"samples/k/0000000000000000008": `["2026-03-01T08:00:00Z C:1/P:2"]`,
		"samples/k/0000000000000000009": `["2026-03-01T08:00:00.000Z C:1/P:2 daily"]`,
		"samples/k/0000000000000000010": `[null]`,
		"samples/k/latest":              "foreign",
		"hours/k/0000000000000000001":   `[]`,
		"hours/k/":                      "foreign",
	} {
		t.Run(name, func(t *testing.T) {
			d := openEmpty(t, cluster)
			put(t, d, name, value, 0)
			for i := range uint64(3) {
				gets(t, d, driver.Advanced, sampled(write(driver.IfNewer, "k", i+1), morning.Add(time.Duration(i)*time.Hour))) //nolint:gosec // small
			}
			_, err := d.Samples(t.Context(), "k")
			if isClear(t, "Samples", err); err != nil && (!errors.Is(err, driver.ErrCorruptHistory) || !strings.Contains(err.Error(), name)) {
				t.Errorf("the error is no ErrCorruptHistory that names the etcd key: %v", err)
			}
			if _, err := d.client.Delete(t.Context(), d.prefix+name); err != nil {
				t.Fatal(err)
			}
			stands(t, d, "k", 2, 1)
		})
	}
}

// A write that stores all there is to store still shares a transaction with 119 others.
func TestFullWritesShareATransaction(t *testing.T) {
	cluster := etcdtest.Start(t, 1)
	var l line
	d := openEmpty(t, cluster, l.on)
	all := keys(120)
	for range driver.AuditEntries + 1 { // so that the next entry of this key pushes one out
		gets(t, d, driver.Advanced, write(driver.Set, all[60], 1))
	}
	at := morning
	rewind := func() {
		var ws []driver.Write
		for _, key := range all {
			ws = append(ws, sampled(write(driver.Rewind, key, 1), at))
		}
		gets(t, d, driver.Advanced, ws...)
		at = at.Add(time.Hour)
	}
	for range 3 {
		rewind()
	}
	if calls := l.during(rewind); calls["Txn"] != 1 || len(calls) != 1 {
		t.Errorf("120 rewinds made the calls %v, want one Txn", calls)
	}
}
