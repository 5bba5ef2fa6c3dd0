package group

import (
	"cmp"
	"encoding/binary"
	"hash/fnv"
	"slices"

	"github.com/checkpointstore/checkpoint"
)

// A Situation is what partitions are shared out by.
type Situation struct {
	// Members are those that can hold partitions: they live, they do not leave, and the
	// operator does not drain them.
	Members []checkpoint.Member

	Partitions []string

	// Owners says which of Members holds the lease of a partition. A partition has no
	// owner if nobody holds its lease, or if the holder is none of Members.
	Owners map[string]string

	// Pins says which of Members an operator wants to hold a partition.
	Pins map[string]string
}

// An Assign shares partitions out: it returns the member that shall hold each partition.
// A partition that is not in the result goes to nobody. Every member calls Assign by
// itself, so its result must depend on the Situation alone, and not on the order of the
// lists. It must not change the Situation. It must return soon, since the member's beats
// wait. An Assign that looks at loads must move a partition only for a good reason.
// Otherwise partitions go to and fro.
type Assign func(Situation) map[string]string

// Balance is the Assign that Run uses by default. With n partitions a member of weight w
// gets n * w / (the sum of weights) of them, rounded down or up: with equal weights the
// members' numbers differ by 1 at most. If a member has more pinned partitions than
// that, it gets these and no others.
//
// Balance moves as few partitions as these numbers allow. It rounds the largest fractions
// up. Among equal fractions, the member that holds most beyond its rounded-down number
// goes first. A member with too many partitions gives up those that suit it least by
// rendezvous hashing. A free partition goes to the member that it suits best, of those
// that have too few.
func Balance(s Situation) map[string]string {
	b := newBalance(s)
	b.pin(s.Pins)
	b.shareOut()
	var free []string
	for _, p := range b.partitions {
		if b.target[p] == "" {
			free = append(free, p)
		}
	}
	free = b.keep(free)
	for _, p := range free {
		if m := b.best(p); m != nil {
			m.give(b, p)
		}
	}
	return b.target
}

type balance struct {
	members    []*share
	byName     map[string]*share
	partitions []string // sorted
	owners     map[string]string
	target     map[string]string
}

// A share is what one member gets.
type share struct {
	name   string
	weight int
	pinned int
	held   int // partitions that it could keep
	quota  int
	has    int
}

// maxWeight keeps the product of a weight and a number of partitions far from overflow.
const maxWeight = 1_000_000

func newBalance(s Situation) *balance {
	b := &balance{byName: make(map[string]*share), owners: s.Owners, target: make(map[string]string, len(s.Partitions))}
	for _, m := range s.Members {
		if b.byName[m.Name] == nil {
			b.byName[m.Name] = &share{name: m.Name, weight: min(max(1, m.Weight), maxWeight)}
			b.members = append(b.members, b.byName[m.Name])
		}
	}
	slices.SortFunc(b.members, func(a, b *share) int { return cmp.Compare(a.name, b.name) })
	b.partitions = slices.Compact(slices.Sorted(slices.Values(s.Partitions)))
	return b
}

func (m *share) give(b *balance, partition string) {
	b.target[partition] = m.name
	m.has++
}

func (b *balance) pin(pins map[string]string) {
	for _, p := range b.partitions {
		if m := b.byName[pins[p]]; m != nil {
			m.give(b, p)
			m.pinned++
		} else if m := b.byName[b.owners[p]]; m != nil {
			m.held++
		}
	}
}

// shareOut sets the quotas. A member whose pins exceed its share takes no part in the
// sharing of the rest.
func (b *balance) shareOut() {
	rest, n := slices.Clone(b.members), len(b.partitions)
	for again := true; again; {
		again = false
		quotas(rest, n)
		rest = slices.DeleteFunc(rest, func(m *share) bool {
			if m.pinned <= m.quota {
				return false
			}
			m.quota, again = m.pinned, true
			n -= m.pinned
			return true
		})
	}
}

// quotas shares n partitions out by weight, with the largest remainders.
func quotas(members []*share, n int) {
	total := 0
	for _, m := range members {
		total += m.weight
	}
	left := n
	for _, m := range members {
		m.quota = n * m.weight / total
		left -= m.quota
	}
	byClaim := slices.Clone(members)
	slices.SortStableFunc(byClaim, func(a, b *share) int {
		return cmp.Or(
			cmp.Compare(n*b.weight%total, n*a.weight%total),
			cmp.Compare(b.pinned+b.held-b.quota, a.pinned+a.held-a.quota),
			cmp.Compare(score(b.name, ""), score(a.name, "")),
		)
	})
	for _, m := range byClaim[:min(left, len(byClaim))] {
		m.quota++
	}
}

// keep leaves partitions with the members that hold them, up to their quotas. It returns
// those that are still free.
func (b *balance) keep(partitions []string) (free []string) {
	held := make(map[*share][]string)
	for _, p := range partitions {
		if m := b.byName[b.owners[p]]; m != nil {
			held[m] = append(held[m], p)
		} else {
			free = append(free, p)
		}
	}
	for _, m := range b.members {
		of := held[m]
		slices.SortStableFunc(of, func(p, q string) int { return cmp.Compare(score(m.name, q), score(m.name, p)) })
		for _, p := range of {
			if m.has < m.quota {
				m.give(b, p)
			} else {
				free = append(free, p)
			}
		}
	}
	slices.Sort(free)
	return free
}

// best returns the member that partition suits best, of those that have too few.
func (b *balance) best(partition string) (best *share) {
	var most uint64
	for _, m := range b.members {
		if s := score(m.name, partition); m.has < m.quota && (best == nil || s > most) {
			best, most = m, s
		}
	}
	return best
}

// score is how well a partition suits a member: a number that looks random, and is the
// same at every instance. That is rendezvous hashing (Thaler and Ravishankar, 1998).
func score(member, partition string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write(binary.AppendUvarint(nil, uint64(len(member)))) // it never fails
	_, _ = h.Write([]byte(member))
	_, _ = h.Write([]byte(partition))
	// FNV's last bytes hardly reach its high bits: spread them (MurmurHash3's fmix64).
	s := h.Sum64()
	s = (s ^ s>>33) * 0xff51afd7ed558ccd
	s = (s ^ s>>33) * 0xc4ceb9fe1a85ec53
	return s ^ s>>33
}
