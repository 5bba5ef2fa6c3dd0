package etcdstore

import (
	"context"
	"slices"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/checkpointstore/checkpoint/cell"
	"github.com/checkpointstore/checkpoint/driver"
)

var _ driver.Sampler = (*Driver)(nil)

// Samples implements [driver.Sampler].
func (d *Driver) Samples(ctx context.Context, key string) ([]driver.Sample, error) {
	if err := d.ready(ctx); err != nil {
		return nil, err
	}
	folders := []string{d.ledgerFolder(hourLedger, key), d.ledgerFolder(sampleLedger, key)}
	found, err := d.read(ctx, []clientv3.Op{
		clientv3.OpGet(folders[0], clientv3.WithPrefix()), clientv3.OpGet(folders[1], clientv3.WithPrefix()),
	})
	if err != nil {
		return nil, d.failure(ctx, err)
	}
	var all []driver.Sample
	for i, kvs := range found {
		for _, kv := range kvs {
			items, err := decodeItems(folders[i], kv, func(s *sampleJSON) bool { return !s.At.IsZero() && s.Position != nil })
			if err != nil {
				return nil, err
			}
			for _, s := range items {
				all = append(all, driver.Sample{At: time.Time(s.At), Position: *s.Position, Hourly: s.Hourly})
			}
		}
	}
	return kept(all), nil
}

// kept returns the samples that are kept, the latest first. Of samples of one time that is
// the last one.
func kept(all []driver.Sample) []driver.Sample {
	slices.SortStableFunc(all, func(a, b driver.Sample) int { return a.At.Compare(b.At) })
	slices.Reverse(all)
	all = slices.CompactFunc(all, func(a, b driver.Sample) bool { return a.At.Equal(b.At) })
	slices.Reverse(all)
	if last := len(all) - 1; last >= 0 {
		all = cell.KeepSample(all[:last], all[last])
	}
	slices.Reverse(all)
	return all
}

type sampleJSON struct {
	At       stamp            `json:"at"`
	Position *driver.Position `json:"position"`
	Hourly   bool             `json:"hourly,omitempty"`
}

func encodeSamples(samples []driver.Sample) []byte {
	items := make([]sampleJSON, len(samples))
	for i, s := range samples {
		items[i] = sampleJSON{stamp(s.At), &s.Position, s.Hourly}
	}
	return encode(items)
}
