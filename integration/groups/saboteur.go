package groups

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/group"
)

// A saboteur breaks a member in one way.
type saboteur struct {
	driver    func(abilities, task) driver.Driver
	assign    group.Assign
	deaf      bool // handles events whatever it is told
	unguarded bool // changes the read model whatever its epoch is
	skips     event
}

var saboteurs = map[string]saboteur{
	"steals":          {driver: func(d abilities, t task) driver.Driver { return thief{d, t.Name} }},
	"never drains":    {deaf: true},
	"is unguarded":    {deaf: true, unguarded: true},
	"draws lots":      {assign: drawLots},
	"has no presence": {driver: func(d abilities, _ task) driver.Driver { return &unseen{abilities: d} }},
	"is unfenced":     {driver: func(d abilities, _ task) driver.Driver { return unfenced{d} }},
	"appoints itself": {driver: func(d abilities, _ task) driver.Driver { return selfAppointed{d} }},
	"forgets":         {driver: func(d abilities, _ task) driver.Driver { return forgetful{d} }},
	"hurries":         {driver: func(d abilities, _ task) driver.Driver { return hasty{d} }},
	"skips":           {skips: 3},
}

// abilities are what a member of a group needs of a driver.
type abilities interface {
	driver.Driver
	driver.Leaser
	driver.Inspector
	driver.Reporter
	driver.Fencer
}

// thief takes every lease for free that somebody else holds, and acquires it by force.
type thief struct {
	abilities
	name string
}

func (d thief) Inspect(ctx context.Context, keys []string) ([]driver.Cell, error) {
	cells, err := d.abilities.Inspect(ctx, keys)
	for i := range cells {
		if cells[i].Lease.Owner != d.name {
			cells[i].Lease = driver.StoredLease{}
		}
	}
	return cells, err
}

func (d thief) Acquire(ctx context.Context, leases []driver.Lease) ([]driver.LeaseResult, error) {
	results, err := d.abilities.Acquire(ctx, leases)
	if err != nil || !errors.Is(results[0].Err, driver.ErrLeaseHeld) {
		return results, err
	}
	if _, err := d.RaiseFence(ctx, leases[0].Key, 0); err != nil {
		return nil, err
	}
	return d.abilities.Acquire(ctx, leases)
}

// unseen keeps its signs of life to itself.
type unseen struct {
	abilities
	mu  sync.Mutex
	own driver.Report
}

func (d *unseen) Report(ctx context.Context, reports []driver.Report) ([]driver.ReportResult, error) {
	if !isPresence(reports[0].Key) {
		return d.abilities.Report(ctx, reports)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.own = reports[0]
	d.own.At = time.Now()
	d.own.ExpiresAt = d.own.At.Add(d.own.TTL)
	return make([]driver.ReportResult, len(reports)), nil
}

func (d *unseen) Reports(ctx context.Context, keys []string) ([][]driver.Report, error) {
	found, err := d.abilities.Reports(ctx, keys)
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := range found {
		if isPresence(keys[i]) {
			found[i] = append(found[i], d.own)
		}
	}
	return found, err
}

// isPresence reports whether members store their signs of life at key.
func isPresence(key string) bool {
	return strings.HasPrefix(key, "group:") && strings.HasSuffix(key, ":members")
}

// unfenced writes without its epoch, and without a look at what is stored.
type unfenced struct{ abilities }

func (d unfenced) Write(ctx context.Context, writes []driver.Write) ([]driver.Result, error) {
	for i := range writes {
		writes[i].Epoch, writes[i].Mode = 0, driver.Set
	}
	return d.abilities.Write(ctx, writes)
}

// selfAppointed grants itself each lease, with an epoch that others had.
type selfAppointed struct{ abilities }

func (d selfAppointed) Acquire(_ context.Context, leases []driver.Lease) ([]driver.LeaseResult, error) {
	results := make([]driver.LeaseResult, len(leases))
	for i, l := range leases {
		l.Epoch, l.ExpiresAt = 1, time.Now().Add(l.TTL)
		results[i].Lease = l
	}
	return results, nil
}

// forgetful stores nothing, and says that it has.
type forgetful struct{ abilities }

func (d forgetful) Write(_ context.Context, writes []driver.Write) ([]driver.Result, error) {
	results := make([]driver.Result, len(writes))
	for i := range results {
		results[i].Outcome = driver.Advanced
	}
	return results, nil
}

// hasty stores the position of an event that comes later.
type hasty struct{ abilities }

func (d hasty) Write(ctx context.Context, writes []driver.Write) ([]driver.Result, error) {
	for i := range writes {
		p := &writes[i].Position
		*p = event(p.Commit + 1000).position()
	}
	return d.abilities.Write(ctx, writes)
}

// drawLots gives each member its share, and decides by lot which partitions.
func drawLots(s group.Situation) map[string]string {
	targets := make(map[string]string)
	for i, p := range rand.Perm(len(s.Partitions)) {
		targets[s.Partitions[p]] = s.Members[i%len(s.Members)].Name
	}
	return targets
}

// neverEnd handles the events of a partition for ever, whatever it is told.
func (m *member) neverEnd(p int, epoch uint64, n event) error {
	for {
		n++
		time.Sleep(m.Log.Began.add(time.Duration(n) * m.Log.Every).since(now()))
		if err := m.handle(context.Background(), p, epoch, n); err != nil && !errors.Is(err, checkpoint.ErrFenced) {
			return err
		}
	}
}
