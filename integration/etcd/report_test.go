package etcd

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/integration/internal/etcdtest"
)

func tells(t *testing.T, d driver.Reporter, key, text string, ttl time.Duration) {
	t.Helper()
	results, err := d.Report(t.Context(), []driver.Report{{Key: key, Instance: "a", Text: text, TTL: ttl}})
	if err == nil {
		err = results[0].Err
	}
	if err != nil {
		t.Fatal(err)
	}
}

// texts checks the reports of key.
func texts(t *testing.T, d driver.Reporter, key string, want ...string) {
	t.Helper()
	lists, err := d.Reports(t.Context(), []string{key})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range lists[0] {
		got = append(got, r.Text)
	}
	if strings.Join(got, ", ") != strings.Join(want, ", ") {
		t.Errorf("the reports of %q are %q, want %q", key, got, want)
	}
}

// All reports that come within a quarter of their TTL share an etcd lease.
func TestReportsShareAnEtcdLease(t *testing.T) {
	cluster := etcdtest.Start(t, 1)
	var l line
	d := openEmpty(t, cluster, l.on)
	calls := l.during(func() {
		for i := range 10 {
			for _, key := range keys(5) {
				tells(t, d, key, fmt.Sprint(i), time.Hour)
			}
		}
	})
	if calls["Txn"] != 50 || calls["LeaseGrant"] != 1 || len(calls) != 2 {
		t.Errorf("50 reports made the calls %v, want one Txn each and one LeaseGrant", calls)
	}
	leaves(t, d.client, 1, "50 reports")
	tells(t, d, "k", "x", 2*time.Hour)
	leaves(t, d.client, 2, "a report of another TTL")
	var many []driver.Report
	for _, key := range keys(200) {
		many = append(many, driver.Report{Key: key, Instance: "a", Text: strings.Repeat(`"`, driver.ReportBytes), TTL: time.Hour})
	}
	calls = l.during(func() {
		results, err := d.Report(t.Context(), many)
		for _, r := range results {
			if r.Err != nil {
				t.Fatal(r.Err)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	})
	if calls["Txn"] > 4 || len(calls) != 1 {
		t.Errorf("200 reports made the calls %v, want four Txns", calls)
	}
	leaves(t, d.client, 2, "200 reports")
}

// An etcd lease of reports is not renewed, and none is left once the reports have ended.
func TestReportsLeaveNoEtcdLease(t *testing.T) {
	t.Parallel()
	cluster := etcdtest.Start(t, 1)
	d := openEmpty(t, cluster)
	most := 0
	for began := time.Now(); time.Since(began) < 8*time.Second; time.Sleep(100 * time.Millisecond) {
		tells(t, d, "k", "text", 2*time.Second)
		texts(t, d, "k", "text")
		all, err := d.client.Leases(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		most = max(most, len(all.Leases))
	}
	if most > 6 { // each serves for a second, and ends after three to four
		t.Errorf("reports of one TTL had %d etcd leases at once", most)
	}
	leaves(t, d.client, 0, "the last report")
	texts(t, d, "k")
}

func TestReportAfterItsEtcdLeaseWasRevoked(t *testing.T) {
	cluster := etcdtest.Start(t, 1)
	d := openEmpty(t, cluster)
	tells(t, d, "k", "first", time.Hour)
	all, err := d.client.Leases(t.Context())
	if err != nil || len(all.Leases) != 1 {
		t.Fatal(all, err)
	}
	if _, err := d.client.Revoke(t.Context(), all.Leases[0].ID); err != nil {
		t.Fatal(err)
	}
	texts(t, d, "k")
	tells(t, d, "k", "second", time.Hour)
	texts(t, d, "k", "second")
}

// Nobody takes a damaged notice for none.
func TestDamagedReport(t *testing.T) {
	cluster := etcdtest.Start(t, 1)
	d := openEmpty(t, cluster)
	for _, value := range []string{"stop", " ", "{}", `{"text":""}`, `{"text":"stop","at":"today"}`} {
		put(t, d, "reports/a%2Fb/", value, 0)
		want := fmt.Sprintf("damaged: the etcd key %q holds %q", d.prefix+"reports/a%2Fb/", value)
		texts(t, d, "a/b", want)
		results, err := d.Report(t.Context(), []driver.Report{{Key: "a/b", Instance: "a"}})
		if err != nil || results[0].Err != nil || results[0].Notice != want {
			t.Errorf("Report answers %+v, %v, want the notice %q", results, err, want)
		}
	}
}
