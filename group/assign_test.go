package group_test

import (
	"fmt"
	"maps"
	"testing"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/group"
)

func named(names ...string) (members []checkpoint.Member) {
	for _, name := range names {
		members = append(members, checkpoint.Member{Name: name, Weight: 1})
	}
	return members
}

func numbered(n int) (partitions []string) {
	for i := range n {
		partitions = append(partitions, fmt.Sprint(i))
	}
	return partitions
}

// counts says how many partitions each member has.
func counts(targets map[string]string) map[string]int {
	n := make(map[string]int)
	for _, m := range targets {
		n[m]++
	}
	return n
}

func TestBalanceByWeight(t *testing.T) {
	members := named("a", "b", "c")
	members[1].Weight = 2
	members[2].Weight = 5
	got := counts(group.Balance(group.Situation{Members: members, Partitions: numbered(80)}))
	if want := map[string]int{"a": 10, "b": 20, "c": 50}; !maps.Equal(got, want) {
		t.Errorf("80 partitions are shared out as %v, want %v", got, want)
	}
	got = counts(group.Balance(group.Situation{Members: members, Partitions: numbered(4)}))
	if want := map[string]int{"b": 1, "c": 3}; !maps.Equal(got, want) { // 0.5, 1.0 and 2.5: b has no remainder
		if want = map[string]int{"a": 1, "b": 1, "c": 2}; !maps.Equal(got, want) {
			t.Errorf("4 partitions are shared out as %v", got)
		}
	}
}

func TestBalanceRoundsUpWhoHoldsMore(t *testing.T) {
	for _, more := range []string{"a", "b", "c"} {
		owners := make(map[string]string)
		names := []string{"a", "b", "c"}
		for i := range 9 {
			owners[fmt.Sprint(i)] = names[i%3]
		}
		owners["9"] = more
		got := group.Balance(group.Situation{Members: named(names...), Partitions: numbered(10), Owners: owners})
		if !maps.Equal(got, owners) {
			t.Errorf("%s holds four of ten, and the partitions move: %v", more, got)
		}
	}
}

func TestBalanceFollowsPins(t *testing.T) {
	pins := map[string]string{"0": "a", "1": "a", "2": "a", "3": "a", "4": "gone"}
	got := group.Balance(group.Situation{Members: named("a", "b", "c"), Partitions: numbered(6), Pins: pins})
	for p, m := range pins {
		if m != "gone" && got[p] != m {
			t.Errorf("partition %s is pinned to %s and goes to %s", p, m, got[p])
		}
	}
	if n := counts(got); n["a"] != 4 || n["b"] != 1 || n["c"] != 1 {
		t.Errorf("a has four pinned partitions of six, and they are shared out as %v", n)
	}
}

func TestBalanceOfNobodyAndNothing(t *testing.T) {
	if got := group.Balance(group.Situation{Partitions: numbered(3)}); len(got) != 0 {
		t.Errorf("without members: %v", got)
	}
	if got := group.Balance(group.Situation{Members: named("a")}); len(got) != 0 {
		t.Errorf("without partitions: %v", got)
	}
}

// TestBalanceSpreadsFreePartitions by rendezvous hashing: if a member goes, its
// partitions go to all others.
func TestBalanceSpreadsFreePartitions(t *testing.T) {
	all := named("a", "b", "c", "d", "e")
	s := group.Situation{Members: all, Partitions: numbered(100)}
	s.Owners = group.Balance(s)
	s.Members = all[1:]
	for member, n := range counts(group.Balance(s)) {
		if n != 25 {
			t.Errorf("%s has %d of 100 partitions, want 25", member, n)
		}
	}
}
