package etcdstore

import (
	"context"
	"time"

	"github.com/checkpointstore/checkpoint/cell"
	"github.com/checkpointstore/checkpoint/driver"
)

// Acquire implements [driver.Leaser].
func (d *Driver) Acquire(ctx context.Context, leases []driver.Lease) ([]driver.LeaseResult, error) {
	return d.leases(ctx, leases, &change{reads: readsAll}, cell.Cell.Acquire, cell.AcquireEntry)
}

// Renew implements [driver.Leaser].
func (d *Driver) Renew(ctx context.Context, leases []driver.Lease) ([]driver.LeaseResult, error) {
	return d.leases(ctx, leases, &change{reads: readsRenewal, twice: true}, cell.Cell.Renew, nil)
}

// Release implements [driver.Leaser].
func (d *Driver) Release(ctx context.Context, leases []driver.Lease) ([]driver.LeaseResult, error) {
	return d.leases(ctx, leases, &change{reads: readsLease, twice: true, again: true}, cell.Cell.Release, nil)
}

type (
	leaseRule  func(cell.Cell, driver.Lease, time.Time) (cell.Cell, driver.LeaseResult)
	leaseEntry func(before, after cell.Cell, r driver.LeaseResult, now time.Time) *driver.AuditEntry
)

func (d *Driver) leases(
	ctx context.Context, leases []driver.Lease, like *change, rule leaseRule, entry leaseEntry,
) ([]driver.LeaseResult, error) {
	if err := d.ready(ctx); err != nil {
		return nil, err
	}
	changes := make([]*change, len(leases))
	for i, l := range leases {
		changes[i] = &change{key: l.Key, reads: like.reads, twice: like.twice, again: like.again, decide: func(c cell.Cell, now time.Time) decision {
			l := l
			l.TTL = min(driver.RoundTTL(d, l.TTL), maxTTL)
			after, r := rule(c, l, now)
			if r.Err != nil {
				return decision{cell: c, answer: r} // etcd ends the lease: there is no end to store
			}
			made := decision{cell: after, answer: r}
			if entry != nil {
				made.entry = entry(c, after, r, now)
			}
			return made
		}}
	}
	d.do(ctx, changes)
	results := make([]driver.LeaseResult, len(leases))
	for i, c := range changes {
		r, err := answerOf[driver.LeaseResult](c)
		if err != nil {
			r = driver.LeaseResult{Err: err}
		}
		results[i] = r
	}
	return results, nil
}
