package redisstore

import (
	"slices"
	"strconv"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

// TestRoundsKeepTheOrderOfAKey: the nth item with a key is in the nth round, and a round begins
// when the one before it is done.
func TestRoundsKeepTheOrderOfAKey(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		keys := rapid.SliceOfN(rapid.IntRange(0, 300), 0, 400).Draw(rt, "keys")
		var mu sync.Mutex
		n, sent := 0, []int{}
		before := make(map[int]int) // how often a key was in a round that is done
		eachRound(len(keys), 3, func(i int) string { return strconv.Itoa(keys[i]) }, func(part []int) {
			mu.Lock()
			defer mu.Unlock()
			for _, i := range part {
				earlier := 0
				for _, k := range keys[:i] {
					if k == keys[i] {
						earlier++
					}
				}
				if earlier != n || before[keys[i]] != n {
					rt.Errorf("item %d of key %d is in round %d, and %d are done", earlier, keys[i], n, before[keys[i]])
				}
			}
			if len(part) == 0 || len(part) > maxBatch {
				rt.Errorf("a part has %d items", len(part))
			}
			sent = append(sent, part...)
		}, func(round []int) {
			n++
			for _, i := range round {
				before[keys[i]]++
			}
		})
		slices.Sort(sent)
		for i, item := range sent {
			if i != item {
				rt.Fatalf("%v were sent", sent)
			}
		}
		if len(sent) != len(keys) {
			rt.Errorf("%d of %d items were sent", len(sent), len(keys))
		}
	})
}

// TestFirstPartIsSmall: the server begins while the client makes the other parts.
func TestFirstPartIsSmall(t *testing.T) {
	for count, want := range map[int][]int{
		maxBatch:     {128},
		maxBatch + 1: {16, 32, 64, 17},
		maxPipeline:  {16, 32, 64, 128, 128, 128, 128, 128, 128, 120},
	} {
		var sizes []int
		eachRound(count, 1, strconv.Itoa, func(part []int) { sizes = append(sizes, len(part)) }, func([]int) {})
		if !slices.Equal(sizes, want) {
			t.Errorf("the parts of %d have %v items; want %v", count, sizes, want)
		}
	}
}
