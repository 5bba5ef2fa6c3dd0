package engine

import (
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/doctor"
)

// single returns the level of the one line that f reports.
func single(t *testing.T, f func(*doctor.Report)) doctor.Level {
	t.Helper()
	var lines []doctor.Line
	f(doctor.NewReport(func(l doctor.Line) error {
		lines = append(lines, l)
		return nil
	}, nil))
	if len(lines) != 1 {
		t.Fatalf("it reports %v", lines)
	}
	return lines[0].Level
}

// A test cannot mount these.
func TestFileSystems(t *testing.T) {
	for kind, want := range map[uint32]doctor.Level{
		0x6969: doctor.Fail, 0xff534d42: doctor.Fail, 0xfe534d42: doctor.Fail, // NFS, CIFS, SMB
		0x65735546: doctor.Warn, 0x794c7630: doctor.Warn, // FUSE, overlayfs
		0xef53: doctor.OK, 0x58465342: doctor.OK, 0x9123683e: doctor.OK, // ext4, XFS, btrfs
	} {
		if got := single(t, func(r *doctor.Report) { lookAtFileSystem(r, "/data", kind) }); got != want {
			t.Errorf("type %#x: %v, want %v", kind, got, want)
		}
	}
}

func TestRoomOnTheDisk(t *testing.T) {
	for _, test := range []struct {
		free, size int64
		want       doctor.Level
	}{
		{1 << 20, 1 << 20, doctor.Fail},
		{100 << 20, 1 << 20, doctor.Warn},
		{1 << 30, 2 << 30, doctor.Warn},
		{1 << 30, 1 << 20, doctor.OK},
	} {
		if got := single(t, func(r *doctor.Report) { lookAtRoom(r, test.free, test.size) }); got != test.want {
			t.Errorf("%d free, %d used: %v, want %v", test.free, test.size, got, test.want)
		}
	}
}

// No such server can be had.
func TestOldRedis(t *testing.T) {
	for v, want := range map[string]doctor.Level{
		"5.0.14": doctor.Fail, "6.0.20": doctor.Fail, "6.2.0": doctor.OK, "7.0.15": doctor.OK, "10.0.0": doctor.OK, "": doctor.Warn,
	} {
		if l := version(&master{info: map[string]string{"redis_version": v}}, false); l.Level != want {
			t.Errorf("Redis %s: %+v, want %v", v, l, want)
		}
	}
	if l := version(&master{info: map[string]string{"redis_version": "7.0.15"}}, true); l.Level != doctor.Fail {
		t.Errorf("fsync_aof on Redis 7.0: %+v", l)
	}
}

func TestMemoryOfRedis(t *testing.T) {
	for used, want := range map[string]doctor.Level{"50": doctor.OK, "80": doctor.Warn, "95": doctor.Fail, "120": doctor.Fail} {
		for _, limit := range []map[string]string{
			{"used_memory": used, "maxmemory": "100"},
			{"used_memory": used, "maxmemory": "0", "total_system_memory": "100"},
		} {
			if l := memory(&master{info: limit}); l.Level != want {
				t.Errorf("%v: %+v, want %v", limit, l, want)
			}
		}
	}
}

// A test cannot set the clock of a server.
func TestClock(t *testing.T) {
	sent := time.Now()
	received := sent.Add(200 * time.Millisecond)
	for server, want := range map[time.Duration]doctor.Level{
		0: doctor.OK, time.Second: doctor.OK, 2 * time.Second: doctor.Warn, -2 * time.Second: doctor.Warn, time.Hour: doctor.Warn,
	} {
		if got := single(t, func(r *doctor.Report) { doctor.Clock(r, sent.Add(server), sent, received) }); got != want {
			t.Errorf("%v ahead: %v, want %v", server, got, want)
		}
	}
}

// A test cannot break the disk of a server.
func TestDiskOfRedisThatFails(t *testing.T) {
	for _, info := range []map[string]string{
		{"aof_enabled": "1", "aof_last_write_status": "err"},
		{"aof_enabled": "1", "rdb_last_bgsave_status": "err"},
	} {
		if l := persistence(&master{info: info, config: map[string]string{"appendfsync": "always"}}, false); l.Level != doctor.Fail {
			t.Errorf("%v: %+v, want FAIL", info, l)
		}
	}
}
