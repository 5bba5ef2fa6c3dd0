package main

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/doctor"
)

// No test can start these servers. The tests in integration/command start all others.

func TestOldVersions(t *testing.T) {
	for number, want := range map[int]doctor.Level{90600: doctor.Fail, 120022: doctor.Fail, 130000: doctor.OK, 180001: doctor.OK} {
		if l := (&postgresSettings{number: number}).versionLine(); l.Level != want {
			t.Errorf("%d: %+v, want %v", number, l, want)
		}
	}
	for _, test := range []struct {
		versions string
		auth     bool
		want     doctor.Level
	}{
		{"3.6.9 3.4.30", false, doctor.Fail},
		{"3.5.16", false, doctor.OK},
		{"3.5.27 3.5.28", true, doctor.Warn},
		{"3.5.28", true, doctor.OK},
		{"3.6.8", false, doctor.OK},
		{"3.6.8", true, doctor.Warn},
		{"3.6.10 3.6.9", true, doctor.OK},
		{"3.7.0", true, doctor.OK},
		{"3.6.2 3.5.30", true, doctor.Warn},
		{"", true, doctor.Warn},
	} {
		if l := versionLine(strings.Fields(test.versions), test.auth); l.Level != test.want {
			t.Errorf("etcd %s: %+v, want %v", test.versions, l, test.want)
		}
	}
}

func TestAgeOfTransactions(t *testing.T) {
	const freeze = 200_000_000
	for age, want := range map[int64]doctor.Level{0: doctor.OK, freeze: doctor.OK, 2*freeze + 1: doctor.Warn, 1_600_000_000: doctor.Fail} {
		if l := ageLine("app", age, freeze); l.Level != want {
			t.Errorf("age %d: %+v, want %v", age, l, want)
		}
	}
}

func TestPoolerThatIsSilent(t *testing.T) {
	if l := poolerLine("", errors.New("not allowed")); l.Level != doctor.Warn || !strings.Contains(l.Text, "not allowed") {
		t.Errorf("%+v", l)
	}
}

func TestSlowDisk(t *testing.T) {
	const text = `# TYPE etcd_disk_wal_fsync_duration_seconds histogram
etcd_disk_wal_fsync_duration_seconds_bucket{le="0.001"} 10
etcd_disk_wal_fsync_duration_seconds_bucket{le="0.032"} 980
etcd_disk_wal_fsync_duration_seconds_bucket{le="0.064"} 990
etcd_disk_wal_fsync_duration_seconds_bucket{le="+Inf"} 1000
etcd_disk_wal_fsync_duration_seconds_sum 12.5
etcd_disk_wal_fsync_duration_seconds_count 1000
etcd_server_quota_backend_bytes 2.147483648e+09
`
	m, err := parseMetrics(strings.NewReader(text))
	if err != nil || m.quota != defaultQuota {
		t.Fatalf("%+v, %v", m, err)
	}
	if l := syncLine(m.syncs); l.Level != doctor.Warn || !strings.Contains(l.Text, "took 64ms or less (1000 syncs") {
		t.Errorf("%+v", l)
	}
	if _, err := parseMetrics(strings.NewReader("<html>\n")); err == nil {
		t.Error("a page without metrics is no error")
	}
	for took, want := range map[time.Duration]doctor.Level{time.Millisecond: doctor.OK, 200 * time.Millisecond: doctor.Warn} {
		if l := commitLine(took, errors.New("404")); l.Level != want {
			t.Errorf("%v: %+v", took, l)
		}
	}
}
