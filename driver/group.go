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

// Beat renews a member, and returns what the member sees after that. It makes no more
// than two calls of d one after the other. The error is [ErrUnsupported] if d is not a
// [Reporter] and an [Inspector].
func Beat(ctx context.Context, d Driver, beat GroupBeat) (GroupView, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var cells []Cell
	inspected := make(chan error, 1)
	go func() {
		var err error
		cells, err = Inspect(ctx, d, beat.Keys)
		inspected <- err
	}()
	view, err := beat.report(ctx, d)
	if err != nil {
		cancel()
	}
	if inspectErr := <-inspected; err == nil {
		err = inspectErr
	}
	if err != nil {
		return GroupView{}, err
	}
	view.Leases = make([]StoredLease, len(cells))
	for i := range cells {
		view.Leases[i] = heldLease(&cells[i], view.At)
	}
	return view, nil
}

// heldLease returns the lease of c, if somebody holds the lease or it is damaged.
func heldLease(c *Cell, at time.Time) StoredLease {
	l := c.Lease
	if l.Err == nil && (l.Epoch < c.Fence.Epoch || !at.Before(l.ExpiresAt)) {
		return StoredLease{}
	}
	return l
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
