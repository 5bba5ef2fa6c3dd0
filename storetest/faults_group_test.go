package storetest_test

import (
	"context"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
)

// Who is a member, and who holds which lease.
var groupFaults = []fault{
	{"keeps no presence", []string{"groups/members", "groups/expired"}, recallingReports(
		func(*faulty, string, []driver.Report) []driver.Report { return nil },
	)},
	{"has no orders", []string{"groups/orders"}, recallingReports(func(_ *faulty, key string, reports []driver.Report) []driver.Report {
		if key == "orders" {
			return nil
		}
		return reports
	})},
	{"answers a beat from memory in an outage", []string{"groups/outage"}, func(f *faulty) {
		f.report = func(ctx context.Context, reports []driver.Report) ([]driver.ReportResult, error) {
			if results, err := f.mem.Report(ctx, reports); err == nil {
				return results, nil
			}
			return make([]driver.ReportResult, len(reports)), nil
		}
		f.reports = func(ctx context.Context, keys []string) ([][]driver.Report, error) {
			if lists, err := f.mem.Reports(ctx, keys); err == nil {
				return lists, nil
			}
			lists := make([][]driver.Report, len(keys))
			lists[0] = []driver.Report{{Key: keys[0], Instance: "a", Text: "text", At: time.Now()}}
			return lists, nil
		}
		f.inspect = func(ctx context.Context, keys []string) ([]driver.Cell, error) {
			if cells, err := f.mem.Inspect(ctx, keys); err == nil {
				return cells, nil
			}
			return make([]driver.Cell, len(keys)), nil
		}
	}},
	{"has one group", []string{"groups/members"}, reporting(func(r *driver.Report) {
		if r.Key == "h" {
			r.Key = "g"
		}
	})},
	{"lets the dead live", []string{"groups/expired"}, reporting(func(r *driver.Report) {
		if r.Text != "" {
			r.TTL = time.Hour
		}
	})},
	{"lets members die early", []string{"groups/expired"}, reporting(func(r *driver.Report) {
		r.TTL /= 2
	})},
	{"reads void leases", []string{"groups/leases", "groups/reads-leases"}, func(f *faulty) {
		f.readLeases = func(ctx context.Context, keys []string) ([]driver.StoredLease, error) {
			cells, err := f.Inspect(ctx, keys)
			leases := make([]driver.StoredLease, len(cells))
			for i, c := range cells {
				leases[i] = c.Lease
			}
			return leases, err
		}
	}},
	{"reads a damaged lease as none", []string{"groups/reads-leases"}, func(f *faulty) {
		read := f.readLeases
		f.readLeases = func(ctx context.Context, keys []string) ([]driver.StoredLease, error) {
			leases, err := read(ctx, keys)
			for i := range leases {
				if leases[i].Err != nil {
					leases[i] = driver.StoredLease{}
				}
			}
			return leases, err
		}
	}},
	{"reads no leases when the engine fails", []string{"groups/outage", "outage/every-method", "context/ended-before", "context/deadline"}, func(f *faulty) {
		read := f.readLeases
		f.readLeases = func(ctx context.Context, keys []string) ([]driver.StoredLease, error) {
			leases, err := read(ctx, keys)
			if err != nil {
				leases = make([]driver.StoredLease, len(keys))
			}
			return leases, nil
		}
	}},
	{"forgets who holds a lease", []string{"groups/leases"}, shown(func(c *driver.Cell) {
		c.Lease = driver.StoredLease{}
	})},
	{"shows a lease that has ended as one that lasts", []string{"groups/leases"}, shown(func(c *driver.Cell) {
		if c.Lease.Owner != "" {
			c.Lease.ExpiresAt = time.Now().Add(time.Hour)
		}
	})},
	{"shows a lease below the fence as one that lasts", []string{"groups/leases"}, shown(func(c *driver.Cell) {
		if c.Key == "rewound" {
			c.Lease = driver.StoredLease{Lease: driver.Lease{Owner: "b", Epoch: c.Fence.Epoch, ExpiresAt: time.Now().Add(time.Hour)}}
		}
	})},
}
