package contention

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/integration/internal/engines"
)

// A saboteur breaks an instance in one way.
type saboteur struct {
	driver    func(engines.Driver) engines.Driver
	record    func(record func(event) error) func(event) error
	start     func(resume event) event
	unordered bool
}

var saboteurs = map[string]saboteur{
	"unfenced":       {driver: func(d engines.Driver) engines.Driver { return unfenced{d} }},
	"careless":       {driver: func(d engines.Driver) engines.Driver { return careless{d} }},
	"self-appointed": {driver: func(d engines.Driver) engines.Driver { return selfAppointed{d} }},
	"forgetful":      {driver: func(d engines.Driver) engines.Driver { return &forgetful{Driver: d} }},
	"clinging":       {driver: func(d engines.Driver) engines.Driver { return &clinging{Driver: d} }},
	"stubborn":       {start: func(resume event) event { return resume - min(resume, 10) }},
	"hasty":          {record: late},
	"nostalgic":      {record: again},
	"sloppy":         {record: sometimes},
	"unordered":      {unordered: true},
}

// unfenced writes without its epoch.
type unfenced struct{ engines.Driver }

func (d unfenced) Write(ctx context.Context, writes []driver.Write) ([]driver.Result, error) {
	for i := range writes {
		writes[i].Epoch = 0
	}
	return d.Driver.Write(ctx, writes)
}

// careless writes without its epoch, and without a look at what is stored.
type careless struct{ engines.Driver }

func (d careless) Write(ctx context.Context, writes []driver.Write) ([]driver.Result, error) {
	for i := range writes {
		writes[i].Epoch, writes[i].Mode = 0, driver.Set
	}
	return d.Driver.Write(ctx, writes)
}

// selfAppointed grants itself the lease, with the epoch of everyone else.
type selfAppointed struct{ engines.Driver }

func (selfAppointed) Acquire(_ context.Context, leases []driver.Lease) ([]driver.LeaseResult, error) {
	results := make([]driver.LeaseResult, len(leases))
	for i, l := range leases {
		l.Epoch, l.ExpiresAt = 1, time.Now().Add(l.TTL)
		results[i].Lease = l
	}
	return results, nil
}

func (selfAppointed) Renew(_ context.Context, leases []driver.Lease) ([]driver.LeaseResult, error) {
	results := make([]driver.LeaseResult, len(leases))
	for i, l := range leases {
		results[i].Lease = l
	}
	return results, nil
}

// clinging takes each lease for its first.
type clinging struct {
	engines.Driver
	mu    sync.Mutex
	first uint64
}

func (d *clinging) Acquire(ctx context.Context, leases []driver.Lease) ([]driver.LeaseResult, error) {
	results, err := d.Driver.Acquire(ctx, leases)
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := range results {
		l := &results[i].Lease
		d.first = cmp.Or(d.first, l.Epoch)
		l.Epoch = d.first
	}
	return results, err
}

// forgetful resumes from what it stored itself, not from what is stored.
type forgetful struct {
	engines.Driver
	mu   sync.Mutex
	last []driver.Record
}

func (d *forgetful) Get(ctx context.Context, keys []string) ([]driver.Record, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.last != nil {
		return d.last, nil
	}
	return d.Driver.Get(ctx, keys)
}

func (d *forgetful) Write(ctx context.Context, writes []driver.Write) ([]driver.Result, error) {
	results, err := d.Driver.Write(ctx, writes)
	if err == nil && results[0].Outcome == driver.Advanced {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.last = []driver.Record{{Key: writes[0].Key, Mark: writes[0].Mark}}
	}
	return results, err
}

// late acknowledges an event, and records it afterwards.
func late(record func(event) error) func(event) error {
	return func(n event) error {
		time.AfterFunc(50*time.Millisecond, func() { _ = record(n) })
		return nil
	}
}

// again also does an event that is long done.
func again(record func(event) error) func(event) error {
	return func(n event) error { return errors.Join(record(n), record(n-min(n-1, 50))) }
}

// sometimes leaves one event in a hundred undone.
func sometimes(record func(event) error) func(event) error {
	return func(n event) error {
		if n%100 == 0 {
			return nil
		}
		return record(n)
	}
}
