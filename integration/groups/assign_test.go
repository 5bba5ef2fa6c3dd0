package groups

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/group"
)

// TestBalance checks, for any members, partitions and owners, what docs/groups.md says of
// group.Balance.
func TestBalance(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := situations(t, 1)
		targets := group.Balance(s)
		if len(targets) != len(s.Partitions) {
			t.Fatalf("%d of %d partitions have a target", len(targets), len(s.Partitions))
		}
		numbers := make(map[string]int)
		for _, p := range s.Partitions {
			numbers[targets[p]]++
		}
		least := len(s.Partitions) / len(s.Members)
		for _, m := range s.Members {
			if n := numbers[m.Name]; n < least || n > least+1 {
				t.Fatalf("%s has %d of %d partitions, with %d members", m.Name, n, len(s.Partitions), len(s.Members))
			}
		}
		if moves, want := moved(s, targets), leastMoves(s); moves != want {
			t.Fatalf("%d partitions move, and %d must", moves, want)
		}
		stays(t, s, targets)
	})
}

// TestBalanceByWeight checks the same with weights.
func TestBalanceByWeight(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := situations(t, 9)
		targets := group.Balance(s)
		numbers, total := make(map[string]int), 0
		for _, p := range s.Partitions {
			numbers[targets[p]]++
		}
		for _, m := range s.Members {
			total += m.Weight
		}
		for _, m := range s.Members {
			if down := len(s.Partitions) * m.Weight / total; numbers[m.Name] < down || numbers[m.Name] > down+1 {
				t.Fatalf("%s with weight %d of %d has %d of %d partitions", m.Name, m.Weight, total, numbers[m.Name], len(s.Partitions))
			}
		}
		stays(t, s, targets)
	})
}

// TestChurn lets members come and go. A member that comes back while its place is kept
// finds what it had.
func TestChurn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := situations(t, 1)
		for range 10 {
			s.Owners = group.Balance(s)
			n := rapid.IntRange(1, 64).Draw(t, "members")
			next := make([]checkpoint.Member, 0, n)
			for i := range n {
				next = append(next, checkpoint.Member{Name: fmt.Sprint("m", (i*7+rapid.IntRange(0, 3).Draw(t, "shift"))%97), Weight: 1})
			}
			slices.SortFunc(next, func(a, b checkpoint.Member) int { return cmp.Compare(a.Name, b.Name) })
			s.Members = slices.CompactFunc(next, func(a, b checkpoint.Member) bool { return a.Name == b.Name })
			able := make(map[string]bool)
			for _, m := range s.Members {
				able[m.Name] = true
			}
			maps.DeleteFunc(s.Owners, func(_, owner string) bool { return !able[owner] })
			targets := group.Balance(s)
			if moves, want := moved(s, targets), leastMoves(s); moves != want {
				t.Fatalf("%d partitions move, and %d must", moves, want)
			}
		}
	})
}

// stays checks that the order of the lists does not matter, and that nothing moves once
// every partition is where it shall be.
func stays(t *rapid.T, s group.Situation, targets map[string]string) {
	mixed := s
	mixed.Members = rapid.Permutation(s.Members).Draw(t, "order of members")
	mixed.Partitions = rapid.Permutation(s.Partitions).Draw(t, "order of partitions")
	if again := group.Balance(mixed); !maps.Equal(again, targets) {
		t.Fatalf("in another order it is %v, not %v", again, targets)
	}
	s.Owners = targets
	if again := group.Balance(s); !maps.Equal(again, targets) {
		t.Fatalf("partitions move although they are where they shall be: %v, not %v", again, targets)
	}
}

func situations(t *rapid.T, weight int) group.Situation {
	s := group.Situation{Owners: make(map[string]string)}
	for i := range rapid.IntRange(1, 64).Draw(t, "members") {
		s.Members = append(s.Members, checkpoint.Member{Name: fmt.Sprint("m", i), Weight: rapid.IntRange(1, weight).Draw(t, "weight")})
	}
	few := rapid.IntRange(1, len(s.Members)).Draw(t, "owners") // often a few hold most
	for i := range rapid.IntRange(0, 128).Draw(t, "partitions") {
		p := fmt.Sprint("p", i)
		s.Partitions = append(s.Partitions, p)
		if rapid.IntRange(0, 4).Draw(t, "free") > 0 {
			s.Owners[p] = s.Members[rapid.IntRange(0, few-1).Draw(t, "owner")].Name
		}
	}
	return s
}

func moved(s group.Situation, targets map[string]string) (n int) {
	for _, p := range s.Partitions {
		if targets[p] != s.Owners[p] {
			n++
		}
	}
	return n
}

// leastMoves is how many partitions any fair sharing moves: all but those that members
// may keep.
func leastMoves(s group.Situation) int {
	held := make(map[string]int)
	for _, p := range s.Partitions {
		held[s.Owners[p]]++
	}
	var numbers []int
	for _, m := range s.Members {
		numbers = append(numbers, held[m.Name])
	}
	slices.SortFunc(numbers, func(a, b int) int { return b - a })
	kept := 0
	for i, n := range numbers {
		quota := len(s.Partitions) / len(numbers)
		if i < len(s.Partitions)%len(numbers) {
			quota++
		}
		kept += min(n, quota)
	}
	return len(s.Partitions) - kept
}
