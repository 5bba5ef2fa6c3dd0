package group

import (
	"slices"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
)

// A view is what a member makes of a beat.
type view struct {
	View
	at     time.Time                     // by the engine's clock
	leases map[string]driver.StoredLease // by partition
	able   []checkpoint.Member           // those that can hold partitions
}

func (m *member) view(seen checkpoint.GroupView) view {
	v := view{
		View:   View{Group: m.group, Member: m.self.Name, Members: seen.Members, Owners: make(map[string]string)},
		at:     seen.At,
		leases: make(map[string]driver.StoredLease, len(m.partitions)),
	}
	drained, pins := make(map[string]bool), make(map[string]string)
	for _, o := range seen.Orders {
		switch {
		case o.Drain != "":
			drained[o.Drain] = true
		case o.Pin != "":
			pins[o.Pin] = o.To
		}
	}
	able := make(map[string]bool)
	for _, other := range seen.Members {
		if other.Err == nil && !other.Leaving && !drained[other.Name] {
			able[other.Name] = true
			v.able = append(v.able, other)
		}
	}
	owners := make(map[string]string)
	for i, p := range m.partitions {
		l := seen.Leases[i]
		v.leases[p] = l
		if l.Owner == "" {
			continue
		}
		v.Owners[p] = l.Owner
		if able[l.Owner] {
			owners[p] = l.Owner
		}
	}
	v.Targets = m.opts.Assign(Situation{
		Members: v.able, Partitions: slices.Clone(m.partitions), Owners: owners, Pins: pins,
	})
	return v
}

// free reports whether the member may acquire the partition: nobody holds its lease, or
// the member itself from an earlier run.
func (v *view) free(partition string) bool {
	l := v.leases[partition]
	return !l.Exists() || l.Owner == v.Member || l.Err != nil // damage shows when the lease is acquired
}

// settle reports whether every member that can hold partitions has been known for a beat.
// Otherwise it returns how long to wait: members that join at the same time would move
// partitions twice. It waits for a TTL at most.
func (m *member) settle(v view, now time.Time) (settled bool, wait time.Duration) {
	known := make(map[string]time.Time, len(v.able))
	for _, other := range v.able {
		since, ok := m.seen[other.Name]
		if !ok {
			since = now
		}
		known[other.Name] = since
		if left := m.beatEvery() - now.Sub(since); left > 0 {
			wait = max(wait, left)
		}
	}
	m.seen = known
	if wait == 0 {
		m.shaky = time.Time{}
		return true, 0
	}
	if m.shaky.IsZero() {
		m.shaky = now
	}
	left := m.opts.TTL - now.Sub(m.shaky)
	return left <= 0, min(wait, left)
}

// soonest returns how long it takes until the first of the other members, or of the
// leases that this member waits for, ends unless it is renewed.
func (m *member) soonest(v view) time.Duration {
	soonest := m.opts.TTL
	for _, other := range v.Members {
		if other.Name != m.self.Name && !other.ExpiresAt.IsZero() {
			soonest = min(soonest, other.ExpiresAt.Sub(v.at))
		}
	}
	for p, l := range v.leases {
		if v.Targets[p] == m.self.Name && l.Exists() && l.Owner != m.self.Name {
			soonest = min(soonest, l.ExpiresAt.Sub(v.at))
		}
	}
	return soonest + time.Millisecond
}
