package watch

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/group"
)

// A Group is what is known of instances that share partitions.
type Group struct {
	Name       string
	Members    []Member    // those that live, in the order of their names
	Partitions []Partition // those that have a checkpoint, a fence or a lease, sorted by name
	Orders     []Order     // the operator's
}

// A Partition is one of a group.
type Partition struct {
	Name string
	Row  Row // of its checkpoint
}

// Holder returns the owner of the partition's lease, or "".
func (p *Partition) Holder() string {
	if p.Row.LeaseLeft == nil {
		return ""
	}
	return p.Row.Owner
}

// A Member is one of a group.
type Member struct {
	checkpoint.Member

	State MemberState
	Holds []string // names of partitions, sorted
}

// A MemberState says whether a member gets partitions.
type MemberState string

// The states of a member.
const (
	MemberActive   MemberState = "active"
	MemberDraining MemberState = "draining" // an operator drains it, and it still holds partitions
	MemberDrained  MemberState = "drained"  // an operator drains it, and it holds nothing
	MemberLeaving  MemberState = "leaving"  // it ends
	MemberDamaged  MemberState = "damaged"  // its report cannot be read, and it gets nothing
)

// Able reports whether the member gets partitions.
func (m *Member) Able() bool { return m.State == MemberActive }

// beatsInTTL is how many signs of life members give in a TTL.
const beatsInTTL = 3

// BeatEvery returns how far apart the signs of life of the members are at most.
func (g *Group) BeatEvery() (every time.Duration) {
	for i := range g.Members {
		every = max(every, g.Members[i].ExpiresAt.Sub(g.Members[i].SeenAt)/beatsInTTL)
	}
	return every.Round(10 * time.Millisecond) // an engine rounds both times
}

// Member returns the member of this name, or nil if none lives.
func (g *Group) Member(name string) *Member {
	i, ok := slices.BinarySearchFunc(g.Members, name, func(m Member, name string) int { return cmp.Compare(m.Name, name) })
	if !ok {
		return nil
	}
	return &g.Members[i]
}

// Partition returns the partition of this name, or nil if none is known.
func (g *Group) Partition(name string) *Partition {
	i := slices.IndexFunc(g.Partitions, func(p Partition) bool { return p.Name == name })
	if i < 0 {
		return nil
	}
	return &g.Partitions[i]
}

// Order returns the order that drains this member, or that pins this partition, or nil.
func (g *Group) Order(drain, pin string) *Order {
	i := slices.IndexFunc(g.Orders, func(o Order) bool { return o.Err == nil && o.Drain == drain && o.Pin == pin })
	if i < 0 {
		return nil
	}
	return &g.Orders[i]
}

// Drained returns how many members an operator drains.
func (g *Group) Drained() (n int) {
	for i := range g.Members {
		if s := g.Members[i].State; s == MemberDraining || s == MemberDrained {
			n++
		}
	}
	return n
}

// Held returns how many partitions have a holder.
func (g *Group) Held() (n int) {
	for i := range g.Partitions {
		if g.Partitions[i].Holder() != "" {
			n++
		}
	}
	return n
}

// Free returns how many partitions have no holder.
func (g *Group) Free() int { return len(g.Partitions) - g.Held() }

// Exists reports whether anything but keys says that there is the group.
func (g *Group) Exists() bool { return len(g.Members) > 0 || len(g.Orders) > 0 }

// Groups returns the groups of the store, sorted by name. Rows are those of a snapshot.
func Groups(ctx context.Context, store *checkpoint.Store, rows []Row) ([]Group, error) {
	names, err := store.Groups(ctx)
	if err != nil {
		return nil, err
	}
	of := partitionsOf(names, rows)
	groups := make([]Group, len(names))
	err = each(len(names), func(i int) error {
		view, err := store.Group(ctx, names[i])
		groups[i] = newGroup(names[i], view, of[names[i]])
		return err
	})
	if err != nil {
		return nil, err
	}
	return groups, nil
}

// Group returns one group of the store, and whether there is such a group.
func (r Rules) Group(ctx context.Context, store *checkpoint.Store, name string) (Group, bool, error) {
	view, err := store.Group(ctx, name)
	if err != nil {
		return Group{}, false, err
	}
	names, err := store.Groups(ctx)
	if err != nil {
		return Group{}, false, err
	}
	rows, err := r.Snapshot(ctx, store, checkpoint.QuotePattern(group.Key(name, ""))+"*")
	if err != nil {
		return Group{}, false, err
	}
	listed := slices.Contains(names, name)
	g := newGroup(name, view, partitionsOf(append(names, name), rows)[name])
	return g, listed || g.Exists(), nil
}

// partitionsOf returns the partitions of each group. A key belongs to the group with the
// longest name: "a/b/1" to "a/b", and to "a" only if there is no group "a/b".
func partitionsOf(groups []string, rows []Row) map[string][]Partition {
	of := make(map[string][]Partition, len(groups))
	for _, name := range groups {
		of[name] = nil
	}
	for _, r := range rows {
		for end := strings.LastIndexByte(r.Key, '/'); end > 0; end = strings.LastIndexByte(r.Key[:end], '/') {
			name := r.Key[:end]
			if _, ok := of[name]; ok && end+1 < len(r.Key) {
				of[name] = append(of[name], Partition{Name: r.Key[end+1:], Row: r})
				break
			}
		}
	}
	return of
}

func newGroup(name string, view checkpoint.GroupView, partitions []Partition) Group {
	g := Group{Name: name, Partitions: partitions}
	slices.SortFunc(g.Partitions, func(a, b Partition) int { return compareNatural(a.Name, b.Name) })
	holds := make(map[string][]string)
	for i := range g.Partitions {
		if holder := g.Partitions[i].Holder(); holder != "" {
			holds[holder] = append(holds[holder], g.Partitions[i].Name)
		}
	}
	drained := make(map[string]bool)
	for _, o := range view.Orders {
		drained[o.Drain] = o.Drain != ""
	}
	for _, m := range view.Members {
		g.Members = append(g.Members, Member{Member: m, State: memberState(&m, drained[m.Name], holds[m.Name]), Holds: holds[m.Name]})
	}
	for _, o := range view.Orders {
		g.Orders = append(g.Orders, g.order(o))
	}
	slices.SortFunc(g.Orders, func(a, b Order) int {
		return cmp.Or(cmp.Compare(a.Pin, b.Pin), cmp.Compare(a.Drain, b.Drain), a.At.Compare(b.At))
	})
	return g
}

func memberState(m *checkpoint.Member, drained bool, holds []string) MemberState {
	switch {
	case m.Err != nil:
		return MemberDamaged
	case drained && len(holds) > 0:
		return MemberDraining
	case drained:
		return MemberDrained
	case m.Leaving:
		return MemberLeaving
	}
	return MemberActive
}

// compareNatural sorts numbers by their value, before other names.
func compareNatural(a, b string) int {
	number := func(s string) bool {
		return strings.Trim(s, "0123456789") == "" && (s == "0" || !strings.HasPrefix(s, "0"))
	}
	switch x, y := number(a), number(b); {
	case x && y:
		return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
	case x:
		return -1
	case y:
		return 1
	}
	return cmp.Compare(a, b)
}
