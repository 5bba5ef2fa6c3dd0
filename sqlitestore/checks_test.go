package sqlitestore_test

import (
	"math"
	"path/filepath"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/checkpointstore/checkpoint/driver"
)

// TestWriterMeetsTheChecks: SQLite does not check what the writer stores. So the writer must
// refuse each write that the CHECKs would refuse.
func TestWriterMeetsTheChecks(t *testing.T) {
	d := openAt(t, filepath.Join(t.TempDir(), "checkpoints.db"))
	conn := shell(t, d.path)
	numbers := rapid.OneOf(rapid.Uint64(), rapid.SampledFrom([]uint64{0, 1, math.MaxUint64, 1 << 63}))
	years := rapid.OneOf(rapid.IntRange(-2, 3), rapid.IntRange(9998, 10001), rapid.Just(2026), rapid.SampledFrom([]int{-99999, 99999}))
	zones := rapid.SampledFrom([]*time.Location{time.UTC, time.FixedZone("", -12*3600), time.FixedZone("", 14*3600)})
	times := rapid.Custom(func(rt *rapid.T) time.Time {
		return time.Date(years.Draw(rt, "year"), 1, 1, rapid.IntRange(-20, 20).Draw(rt, "hours"), 0, 0, 0, zones.Draw(rt, "zone"))
	})
	ttls := rapid.SampledFrom([]time.Duration{0, 1, time.Millisecond, time.Hour, math.MaxInt64})
	keys := rapid.SampledFrom([]string{"a", "b", "\xff", "x\x00y"})
	write := rapid.Custom(func(rt *rapid.T) driver.Write {
		return driver.Write{
			Key: keys.Draw(rt, "key"), Mode: driver.Mode(rapid.IntRange(0, 3).Draw(rt, "mode")), TTL: ttls.Draw(rt, "ttl"),
			Mark: driver.Mark{
				Position:  driver.Position{Commit: numbers.Draw(rt, "commit"), Prepare: numbers.Draw(rt, "prepare")},
				UpdatedAt: times.Draw(rt, "at"), Epoch: numbers.Draw(rt, "epoch"), LogID: rapid.SampledFrom([]string{"", "log"}).Draw(rt, "log"),
			},
			By: &driver.By{Actor: "test"},
		}
	})
	stored, refused := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		switch rapid.IntRange(0, 4).Draw(rt, "call") {
		case 0:
			_, err := tryAcquire(t.Context(), d, keys.Draw(rt, "key"), "owner", max(1, ttls.Draw(rt, "ttl")))
			rt.Log(err)
		case 1:
			_, err := d.RaiseFence(t.Context(), keys.Draw(rt, "key"), numbers.Draw(rt, "epoch"))
			rt.Log(err)
		default:
			w := write.Draw(rt, "write")
			results, err := d.Write(t.Context(), []driver.Write{w})
			if err != nil {
				rt.Fatal(err)
			}
			switch {
			case results[0].Err == nil:
				stored++
			case results[0].Outcome == driver.Failed:
				refused++
			default:
				rt.Fatalf("%+v: %+v", w, results)
			}
		}
		var found string
		if err := conn.QueryRowContext(t.Context(), "PRAGMA integrity_check(1)").Scan(&found); err != nil || found != "ok" {
			rt.Fatal(found, err)
		}
	})
	if stored == 0 || refused == 0 {
		t.Errorf("%d writes were stored and %d refused: this proves nothing", stored, refused)
	}
}
