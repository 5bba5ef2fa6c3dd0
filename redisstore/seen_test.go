package redisstore

import (
	"fmt"
	"hash/maphash"
	"strings"
	"testing"
)

func TestKeySet(t *testing.T) {
	long := strings.Repeat("x", chunkSize)
	keys := []string{"", "a", "b", "ab", "a\x00b", "\x01a", long, long + "y", "z"}
	for i := range 20_000 {
		keys = append(keys, fmt.Sprint("consumer-", i))
	}
	for _, bits := range []int{0, 4, 64} { // with fewer, most keys share their hash with others
		seen := newKeySet()
		seed := maphash.MakeSeed()
		seen.hash = func(key string) uint64 { return maphash.String(seed, key) >> (64 - bits) }
		for round := range 2 {
			for _, key := range keys {
				if got, want := seen.add(key), round == 0; got != want {
					t.Fatalf("hashes of %d bits: add(%.20q) = %t in round %d", bits, key, got, round)
				}
			}
		}
	}
}
