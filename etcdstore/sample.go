package etcdstore

import (
	"context"
	"fmt"
	"slices"
	"strings"

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
			items, err := decodeItems(folders[i], kv, func(s *sampleText) bool { return !s.At.IsZero() })
			if err != nil {
				return nil, err
			}
			for _, s := range items {
				all = append(all, driver.Sample(s))
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

// A sampleText is a sample as "2026-03-01T19:25:00.000Z C:12/P:34", and " hourly" if it is:
// a key has many.
type sampleText driver.Sample

const hourly = " hourly"

func (s sampleText) MarshalText() ([]byte, error) {
	text := fmt.Sprintf("%s %v", s.At.UTC().Format(driver.TimeLayout), s.Position)
	if s.Hourly {
		text += hourly
	}
	return []byte(text), nil
}

func (s *sampleText) UnmarshalText(text []byte) error {
	rest, found := strings.CutSuffix(string(text), hourly)
	at, position, _ := strings.Cut(rest, " ")
	if err := (*stamp)(&s.At).UnmarshalText([]byte(at)); err != nil {
		return err
	}
	s.Hourly = found
	return s.Position.UnmarshalText([]byte(position))
}

func encodeSamples(samples []driver.Sample) []byte {
	items := make([]sampleText, len(samples))
	for i, s := range samples {
		items[i] = sampleText(s)
	}
	return encode(items)
}
