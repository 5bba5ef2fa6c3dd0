package sqlitestore

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"github.com/checkpointstore/checkpoint/cell"
	"github.com/checkpointstore/checkpoint/driver"
)

// samplesTable has all samples of a key in one value: as rows they would take about ten
// times the room. Earlier releases leave the table alone.
const samplesTable = `CREATE TABLE samples (
	key TEXT NOT NULL PRIMARY KEY,
	latest TEXT NOT NULL, -- its time
	samples BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX samples_by_time ON samples (latest)`

const (
	sqlSamples     = "SELECT samples FROM samples WHERE key = ?"
	sqlKeepSamples = "INSERT INTO samples (key, latest, samples) VALUES (?, ?, ?)" +
		" ON CONFLICT (key) DO UPDATE SET latest = excluded.latest, samples = excluded.samples"
	sqlForgetSamples = "DELETE FROM samples WHERE key = ?"
	sqlAgedSamples   = "DELETE FROM samples WHERE key IN (SELECT key FROM samples WHERE latest < ?1 AND latest > '0' ORDER BY latest LIMIT ?2)" +
		" AND +latest < ?1"
)

// keepSample stores a sample of key. Damaged samples are lost, and must not fail the write.
func (t *transaction) keepSample(key string, s driver.Sample) error {
	var stored []byte
	if _, err := t.find([]any{&stored}, sqlSamples, key); err != nil {
		return err
	}
	kept, err := decodeSamples(stored)
	if err != nil {
		kept = nil
	}
	return t.storeSamples(key, cell.KeepSample(kept, s))
}

func (t *transaction) storeSamples(key string, kept []driver.Sample) error {
	return t.exec(sqlKeepSamples, key, encodeTime(kept[len(kept)-1].At), encodeSamples(kept))
}

// encodeSamples writes each sample as its distance from the one before it: the milliseconds
// twice, and one more if it is hourly; the commits; the prepares, without the distance of
// the commits.
func encodeSamples(samples []driver.Sample) []byte {
	b := make([]byte, 0, 8*len(samples))
	var at int64
	var p driver.Position
	for _, s := range samples {
		elapsed := (s.At.UnixMilli() - at) << 1
		if s.Hourly {
			elapsed++
		}
		commits, prepares := s.Position.Commit-p.Commit, s.Position.Prepare-p.Prepare
		for _, n := range []int64{elapsed, int64(commits), int64(prepares - commits)} { //nolint:gosec // modulo 2^64
			b = binary.AppendVarint(b, n)
		}
		at, p = s.At.UnixMilli(), s.Position
	}
	return b
}

var errDamagedSamples = errors.New("the samples are damaged; the next sample begins a new list")

func decodeSamples(b []byte) (samples []driver.Sample, err error) {
	var at int64
	var p driver.Position
	for len(b) > 0 {
		var n [3]int64
		for i := range n {
			var size int
			if n[i], size = binary.Varint(b); size <= 0 {
				return nil, errDamagedSamples
			}
			b = b[size:]
		}
		if n[0]>>1 <= 0 && samples != nil {
			return nil, errDamagedSamples
		}
		at += n[0] >> 1
		p.Commit += uint64(n[1])         //nolint:gosec // modulo 2^64
		p.Prepare += uint64(n[1] + n[2]) //nolint:gosec // modulo 2^64
		samples = append(samples, driver.Sample{At: time.UnixMilli(at).UTC(), Position: p, Hourly: n[0]&1 == 1})
	}
	return samples, nil
}

var _ driver.Sampler = (*Driver)(nil)

// Samples implements [driver.Sampler].
func (d *Driver) Samples(ctx context.Context, key string) ([]driver.Sample, error) {
	if err := d.ready(ctx); err != nil {
		return nil, err
	}
	return readBy(ctx, d, sqlSamples, func(stmt *sql.Stmt) ([]driver.Sample, error) { return readSamples(ctx, stmt, key) })
}

// readSamples returns the latest sample first.
func readSamples(ctx context.Context, stmt *sql.Stmt, key string) ([]driver.Sample, error) {
	var stored []byte
	err := stmt.QueryRowContext(ctx, key).Scan(&stored)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	samples, err := decodeSamples(stored)
	if err != nil {
		return nil, driver.DamagedHistory("key %q: %v", key, err)
	}
	slices.Reverse(samples)
	return samples, nil
}
