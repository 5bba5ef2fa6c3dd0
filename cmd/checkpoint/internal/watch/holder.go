package watch

import (
	"maps"
	"slices"
)

// A Holder is who holds partitions of a group.
type Holder struct {
	Name       string       // "": nobody, and these partitions are free
	Member     *Member      // nil: the holder is no member that lives
	Partitions []*Partition // sorted by name
}

// Holders returns the partitions of a group by who holds them: first the members, then
// others, and nobody last, if there is a free partition.
func (g *Group) Holders() []Holder {
	by := make(map[string][]*Partition)
	for i := range g.Partitions {
		p := &g.Partitions[i]
		by[p.Holder()] = append(by[p.Holder()], p)
	}
	holders := make([]Holder, 0, len(g.Members)+len(by))
	for i := range g.Members {
		m := &g.Members[i]
		holders = append(holders, Holder{m.Name, m, by[m.Name]})
		delete(by, m.Name)
	}
	free := by[""]
	delete(by, "")
	for _, name := range slices.Sorted(maps.Keys(by)) {
		holders = append(holders, Holder{Name: name, Partitions: by[name]})
	}
	if len(free) > 0 {
		holders = append(holders, Holder{Partitions: free})
	}
	return holders
}
