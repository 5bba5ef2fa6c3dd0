package driver

import (
	"context"
	"fmt"
	"time"
)

// A GroupView is what a member of a group sees of the group. It is a hint: another
// member may have come, gone or taken a lease since. The leases decide who works.
type GroupView struct {
	// At is the engine's time when the member's own report was stored.
	At time.Time

	// Members are the reports of the members that live, in the order of their names, by
	// bytes. Orders are the reports at the key of the orders, in the same order.
	Members, Orders []Report

	// Leases are those of the keys, in the order of the keys. A lease that nobody holds
	// is the zero StoredLease.
	Leases []StoredLease
}

// A GroupBeat is a sign of life of a member.
type GroupBeat struct {
	// Member is the member's report. Its Key is the key of the group's members, its
	// Instance is the member's name, and its TTL is how long the member lives from now.
	Member Report

	Orders string   // the key of the operator's orders to the group
	Keys   []string // those of the partitions
}

// Beat renews a member, and returns what the member sees after that. It calls Report, then
// Reports, and reads the leases meanwhile. The error is [ErrUnsupported] if d is no
// [Reporter], or neither a [LeaseReader] nor an [Inspector]. After an error the member may
// have been renewed.
func Beat(ctx context.Context, d Driver, beat GroupBeat) (GroupView, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var leases []StoredLease
	read := make(chan error, 1)
	go func() {
		var err error
		leases, err = LeasesOf(ctx, d, beat.Keys)
		read <- err
	}()
	view, err := beat.report(ctx, d)
	if err != nil {
		cancel()
	}
	if readErr := <-read; err == nil {
		err = readErr
	}
	if err != nil {
		return GroupView{}, err
	}
	for i := range leases {
		if l := &leases[i]; l.Err == nil && !view.At.Before(l.ExpiresAt) {
			*l = StoredLease{}
		}
	}
	view.Leases = leases
	return view, nil
}

func (b GroupBeat) report(ctx context.Context, d Driver) (view GroupView, err error) {
	results, err := ReportTo(ctx, d, []Report{b.Member})
	if err == nil {
		err = results[0].Err
	}
	if err != nil {
		return view, err
	}
	reports, err := ReportsOf(ctx, d, []string{b.Member.Key, b.Orders})
	if err != nil {
		return view, err
	}
	view.Members, view.Orders = reports[0], reports[1]
	for _, m := range view.Members {
		if m.Instance == b.Member.Instance {
			view.At = m.At
			return view, nil
		}
	}
	return view, fmt.Errorf("the report of the member %q is gone: it ended after %v, or somebody has removed it", b.Member.Instance, b.Member.TTL)
}

// A LeaseReader is a Driver that reads the leases of many keys with less work than
// Inspect.
type LeaseReader interface {
	// Leases returns the lease of each key, in the order of the keys, as Inspect shows it. A
	// lease whose epoch is below the fence is void: it is the zero StoredLease, as if there
	// were none. A lease that has ended is shown.
	Leases(ctx context.Context, keys []string) ([]StoredLease, error)
}

// LeasesOf calls d's own Leases if d is a [LeaseReader]. Otherwise it takes them from
// Inspect. The error is [ErrUnsupported] if d is no [Inspector] either.
func LeasesOf(ctx context.Context, d Driver, keys []string) ([]StoredLease, error) {
	if r, ok := d.(LeaseReader); ok {
		leases, err := r.Leases(ctx, keys)
		if err == nil && len(leases) != len(keys) {
			return nil, wrongCount("keys", len(keys), "leases", len(leases))
		}
		return leases, err
	}
	cells, err := Inspect(ctx, d, keys)
	if err != nil {
		return nil, err
	}
	leases := make([]StoredLease, len(cells))
	for i, c := range cells {
		if c.Lease.Err != nil || c.Lease.Epoch >= c.Fence.Epoch {
			leases[i] = c.Lease
		}
	}
	return leases, nil
}
