package memstore

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
)

// Report implements [driver.Reporter].
func (d *Driver) Report(ctx context.Context, reports []driver.Report) ([]driver.ReportResult, error) {
	if err := d.begin(ctx); err != nil {
		return nil, err
	}
	defer d.mu.Unlock()
	now := time.Now().UTC()
	results := make([]driver.ReportResult, len(reports))
	for i, r := range reports {
		of := d.reports[r.Key]
		maps.DeleteFunc(of, func(_ string, r driver.Report) bool { return expired(r, now) })
		switch {
		case r.Text == "":
			delete(of, r.Instance)
		case of == nil:
			of = make(map[string]driver.Report)
			d.reports[r.Key] = of
			fallthrough
		default:
			of[r.Instance] = stamped(r, now)
		}
		if len(of) == 0 {
			delete(d.reports, r.Key)
		}
		results[i].Notice = of[""].Text
	}
	return results, nil
}

func stamped(r driver.Report, now time.Time) driver.Report {
	r.At = now.Truncate(time.Millisecond)
	if r.ExpiresAt = (time.Time{}); r.TTL > 0 {
		r.ExpiresAt = r.At.Add(r.TTL + time.Millisecond) // rounded up, never down
	}
	r.TTL = 0
	return r
}

func expired(r driver.Report, now time.Time) bool {
	return !r.ExpiresAt.IsZero() && !now.Before(r.ExpiresAt)
}

// Reports implements [driver.Reporter].
func (d *Driver) Reports(ctx context.Context, keys []string) ([][]driver.Report, error) {
	if err := d.begin(ctx); err != nil {
		return nil, err
	}
	defer d.mu.Unlock()
	now := time.Now().UTC()
	reports := make([][]driver.Report, len(keys))
	for i, key := range keys {
		of := d.reports[key]
		for _, name := range slices.Sorted(maps.Keys(of)) {
			if r := of[name]; !expired(r, now) {
				reports[i] = append(reports[i], r)
			}
		}
	}
	return reports, nil
}
