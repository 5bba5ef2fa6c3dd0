package rivals

import (
	"context"
	"encoding/binary"
	"iter"
	"slices"

	"go.etcd.io/bbolt"

	"github.com/checkpointstore/checkpoint/driver"
)

// Bbolt keeps positions in bbolt. Single writes go through DB.Batch, which lets
// concurrent ones share a transaction, and so an fsync.
type Bbolt struct{ db *bbolt.DB }

var bucket = []byte("checkpoints")

// OpenBbolt opens or makes a file.
func OpenBbolt(path string) (*Bbolt, error) {
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		return nil, err
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		_, err := tx.CreateBucketIfNotExists(bucket)
		return err
	})
	return &Bbolt{db}, err
}

func encode(p driver.Position) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, p.Commit), p.Prepare)
}

func decode(key string, value []byte) driver.Record {
	if len(value) != 16 {
		return driver.Record{Key: key, Err: driver.ErrNotFound}
	}
	return driver.Record{Key: key, Mark: driver.Mark{Position: driver.Position{
		Commit: binary.BigEndian.Uint64(value), Prepare: binary.BigEndian.Uint64(value[8:]),
	}}}
}

// Get implements [driver.Driver].
func (d *Bbolt) Get(_ context.Context, keys []string) ([]driver.Record, error) {
	records := make([]driver.Record, len(keys))
	err := d.db.View(func(tx *bbolt.Tx) error {
		for i, key := range keys {
			records[i] = decode(key, tx.Bucket(bucket).Get([]byte(key)))
		}
		return nil
	})
	return records, err
}

// Write implements [driver.Driver].
func (d *Bbolt) Write(_ context.Context, writes []driver.Write) ([]driver.Result, error) {
	results := make([]driver.Result, len(writes))
	apply := d.db.Update
	if len(writes) == 1 {
		apply = d.db.Batch
	}
	own := slices.Clone(writes)
	err := apply(func(tx *bbolt.Tx) error {
		b := tx.Bucket(bucket)
		for i, w := range own {
			stored := decode(w.Key, b.Get([]byte(w.Key)))
			if stored.Err == nil && w.Position.Compare(stored.Position) < 0 {
				results[i] = driver.Result{Outcome: driver.Stale}
				continue
			}
			if err := b.Put([]byte(w.Key), encode(w.Position)); err != nil {
				return err
			}
			results[i] = driver.Result{Outcome: driver.Advanced}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return results, nil
}

// Delete implements [driver.Driver].
func (d *Bbolt) Delete(_ context.Context, keys []string) (int, error) {
	n := 0
	err := d.db.Update(func(tx *bbolt.Tx) error {
		for _, key := range keys {
			if tx.Bucket(bucket).Get([]byte(key)) != nil {
				n++
			}
			if err := tx.Bucket(bucket).Delete([]byte(key)); err != nil {
				return err
			}
		}
		return nil
	})
	return n, err
}

// Scan implements [driver.Driver], for all keys only, in one page.
func (d *Bbolt) Scan(context.Context, string, int) iter.Seq2[[]string, error] {
	return func(yield func([]string, error) bool) {
		var keys []string
		err := d.db.View(func(tx *bbolt.Tx) error {
			return tx.Bucket(bucket).ForEach(func(key, _ []byte) error {
				keys = append(keys, string(key))
				return nil
			})
		})
		if err != nil {
			keys = nil
		}
		yield(keys, err)
	}
}

// ScanRecords implements [driver.RecordScanner], for all keys only, in one page.
func (d *Bbolt) ScanRecords(context.Context, string, int) iter.Seq2[[]driver.Record, error] {
	return func(yield func([]driver.Record, error) bool) {
		var records []driver.Record
		err := d.db.View(func(tx *bbolt.Tx) error {
			return tx.Bucket(bucket).ForEach(func(key, value []byte) error {
				records = append(records, decode(string(key), value))
				return nil
			})
		})
		if err != nil {
			records = nil
		}
		yield(records, err)
	}
}

// Close implements [driver.Driver].
func (d *Bbolt) Close() error { return d.db.Close() }
