package sqlitestore

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint/cell"
	"github.com/checkpointstore/checkpoint/driver"
)

// TestEncodedSamples come back as they were, whatever their times and positions are.
func TestEncodedSamples(t *testing.T) {
	var samples []driver.Sample
	at := time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range 1000 {
		p := driver.Position{Commit: rand.Uint64(), Prepare: rand.Uint64()}
		if i%3 == 0 {
			p = driver.Position{Commit: math.MaxUint64 * uint64(i%2), Prepare: math.MaxUint64 * uint64(1-i%2)}
		}
		at = at.Add(time.Millisecond + time.Duration(rand.IntN(8*366*24))*time.Hour)
		samples = append(samples, driver.Sample{At: at, Position: p, Hourly: i%5 == 0})
	}
	encoded := encodeSamples(samples)
	decoded, err := decodeSamples(encoded)
	if err != nil || !slices.Equal(samples, decoded) {
		t.Errorf("the samples %v come back as %v, %v", samples, decoded, err)
	}
	for i := range 100 {
		if decoded, err := decodeSamples(encoded[:len(encoded)-1-i]); err == nil && len(decoded) == len(samples) {
			t.Errorf("samples without their last %d bytes are read as %v", i+1, decoded)
		}
	}
}

// TestDamagedSamples fail Samples, and fail no write.
func TestDamagedSamples(t *testing.T) {
	d, db, _ := openWithExpired(t)
	begin := time.Now().UTC().Truncate(time.Hour)
	write := func(i int) {
		at := begin.Add(time.Duration(i) * time.Minute)
		p := driver.Position{Commit: uint64(i)}
		mustWrite(t, d, driver.Write{Key: "k", Mark: driver.Mark{Position: p, UpdatedAt: at}, SampleBefore: at})
	}
	write(1)
	write(2)
	for i, damage := range []string{"x'ff'", "x'02'", "samples || x'010000'"} {
		if _, err := db.ExecContext(t.Context(), "UPDATE samples SET samples = CAST("+damage+" AS BLOB)"); err != nil {
			t.Fatal(err)
		}
		if samples, err := d.Samples(t.Context(), "k"); !errors.Is(err, driver.ErrCorruptHistory) {
			t.Errorf("%s is read as %v, %v", damage, samples, err)
		}
		write(3 + i)
		if samples, err := d.Samples(t.Context(), "k"); err != nil || len(samples) != 1 {
			t.Errorf("after another write: %v, %v", samples, err)
		}
	}
}

// TestBytesOfSamples: what a consumer that writes all the time leaves takes about 10 KB a key.
func TestBytesOfSamples(t *testing.T) {
	d, db, _ := openWithExpired(t)
	var kept []driver.Sample
	var p driver.Position
	begin := time.Now().UTC().Truncate(time.Hour).Add(-31 * 24 * time.Hour)
	for i := range 31 * driver.SampleCount {
		p.Commit += rand.Uint64N(1 << 20)
		p.Prepare = p.Commit
		kept = cell.KeepSample(kept, driver.Sample{At: begin.Add(time.Duration(i) * 5 * time.Minute), Position: p, Hourly: i%12 == 11})
	}
	const keys = 20
	e := d.writer.do(t.Context(), keys, func(tx *transaction) error {
		for i := range keys {
			if err := tx.exec(sqlKeepSamples, fmt.Sprint("order-processor-", i), encodeTime(tx.now.UTC()), encodeSamples(kept)); err != nil {
				return err
			}
		}
		return nil
	})
	if e.err != nil {
		t.Fatal(e.err)
	}
	var bytes int
	if err := db.QueryRowContext(t.Context(), "SELECT sum(pgsize) FROM dbstat WHERE name IN ('samples', 'samples_by_time')").Scan(&bytes); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d samples of a key take %d bytes", len(kept), bytes/keys)
	if bytes/keys > 12<<10 {
		t.Errorf("%d samples of a key take %d bytes", len(kept), bytes/keys)
	}
}

// TestDamagedAuditEntryIsOfItsKey: History tells damage from a failure of SQLite, and the other
// keys have theirs.
func TestDamagedAuditEntryIsOfItsKey(t *testing.T) {
	d, db, _ := openWithExpired(t)
	for _, column := range []string{"at", "old_position", "new_position", "old_epoch", "new_epoch"} {
		for _, key := range []string{"torn", "sound"} {
			mustWrite(t, d, driver.Write{Key: key, Mode: driver.Set})
		}
		if _, err := db.ExecContext(t.Context(), "UPDATE audit SET "+column+" = 'garbage' WHERE key = 'torn'"); err != nil {
			t.Fatal(err)
		}
		if entries, err := d.History(t.Context(), "torn", 9); !errors.Is(err, driver.ErrCorruptHistory) || !errors.Is(err, driver.ErrCorrupt) {
			t.Errorf("%s is garbage: History is %v, %v", column, entries, err)
		}
		if entries, err := d.History(t.Context(), "sound", 9); err != nil || len(entries) == 0 {
			t.Errorf("%s of another key is garbage: History is %v, %v", column, entries, err)
		}
		// As docs/sqlite.md says.
		if _, err := db.ExecContext(t.Context(), "DELETE FROM audit WHERE key = 'torn'"); err != nil {
			t.Fatal(err)
		}
		if entries, err := d.History(t.Context(), "torn", 9); err != nil || len(entries) != 0 {
			t.Errorf("after the remedy History is %v, %v", entries, err)
		}
	}
}

// TestDamagedReportIsOfItsInstance: it says so, and hides no other.
func TestDamagedReportIsOfItsInstance(t *testing.T) {
	d, db, _ := openWithExpired(t)
	for _, damage := range []string{"at = 'garbage'", "expires_at = 'garbage'"} {
		for _, instance := range []string{"", "a", "b"} {
			if _, err := d.Report(t.Context(), []driver.Report{{Key: "k", Instance: instance, Text: "text", TTL: time.Hour}}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := db.ExecContext(t.Context(), "UPDATE reports SET "+damage+" WHERE instance <> 'b'"); err != nil {
			t.Fatal(err)
		}
		found, err := d.Reports(t.Context(), []string{"k"})
		if err != nil || len(found[0]) != 3 {
			t.Fatalf("%s: %v, %v", damage, found, err)
		}
		for i, r := range found[0] {
			if r.Key != "k" || r.Instance != []string{"", "a", "b"}[i] || strings.HasPrefix(r.Text, "damaged: ") != (i < 2) {
				t.Errorf("%s: report %d is %+v", damage, i, r)
			}
		}
	}
}
