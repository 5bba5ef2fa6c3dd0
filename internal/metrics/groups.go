package metrics

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/checkpointstore/checkpoint/group"
)

// HandoffBuckets are the bounds of the histogram of moves in seconds. A move takes up to a
// TTL after a crash, and up to DrainPatience otherwise.
var HandoffBuckets = []float64{0.05, 0.1, 0.5, 1, 2, 5, 10, 15, 20, 30, 60, 120}

// MoveKinds are the kinds of moves: see MoveKind.
var MoveKinds = [...]string{"gained", "given_up"}

// MoveKind says whether the member has gained the partition.
func MoveKind(m group.Move) string {
	if m.Gained {
		return MoveKinds[0]
	}
	return MoveKinds[1]
}

// Groups are the members of groups in this process. Its methods are hooks of package
// group.
type Groups struct {
	mu      sync.Mutex
	members map[memberName]*member
}

type memberName struct{ group, member string }

// A member is one in this process.
type member struct {
	until time.Time // its last sign of life lasts
	live  int       // members of its group
	holds int       // partitions
}

func (g *Groups) get(n memberName) *member {
	if g.members == nil {
		g.members = make(map[memberName]*member)
	}
	m := g.members[n]
	if m == nil {
		m = new(member)
		g.members[n] = m
	}
	return m
}

// Viewed notes how many members live.
func (g *Groups) Viewed(v group.View) {
	g.mu.Lock()
	defer g.mu.Unlock()
	m := g.get(memberName{v.Group, v.Member})
	m.live = len(v.Members)
	for i := range v.Members {
		if own := &v.Members[i]; own.Name == v.Member {
			m.until = time.Now().Add(own.ExpiresAt.Sub(own.SeenAt))
		}
	}
}

// Moved counts the partitions that a member holds.
func (g *Groups) Moved(move group.Move) {
	g.mu.Lock()
	defer g.mu.Unlock()
	m := g.get(memberName{move.Group, move.Member})
	if move.Gained {
		m.holds++
	} else {
		m.holds--
	}
}

// GroupGauges are what is known of a group.
type GroupGauges struct {
	Group      string
	Members    int // that live: the most that a member of this process has seen
	Partitions int // that the members of this process hold
}

// Read returns the gauges of each group with a member that lives in this process, in the
// order of their names.
func (g *Groups) Read() []GroupGauges {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	read := make(map[string]*GroupGauges)
	for n, m := range g.members {
		if !now.Before(m.until) {
			if m.holds == 0 {
				delete(g.members, n)
			}
			continue
		}
		of := read[n.group]
		if of == nil {
			of = &GroupGauges{Group: n.group}
			read[n.group] = of
		}
		of.Members = max(of.Members, m.live)
		of.Partitions += m.holds
	}
	gauges := make([]GroupGauges, 0, len(read))
	for _, name := range slices.Sorted(maps.Keys(read)) {
		gauges = append(gauges, *read[name])
	}
	return gauges
}
