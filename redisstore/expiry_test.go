package redisstore

import (
	"math"
	"testing"
	"time"
)

// Redis answers 0 where less than a millisecond is left, and takes an expiry
// that a time.Duration is too short for.
func TestExpiryAtItsEnds(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 6_000_000, time.UTC)
	never := time.Time{}
	longest := now.Add(math.MaxInt64).Truncate(time.Millisecond)
	for ttl, want := range map[int64]time.Time{
		-1: never, 0: now, 1: now.Add(time.Millisecond), math.MaxInt64 / 1_000_000: longest,
		math.MaxInt64/1_000_000 + 1: longest, 1<<53 - 1: longest, math.MaxInt64: longest,
	} {
		for form, stored := range map[string][]any{
			"hash": {"1", "2", nil, nil, nil}, "string": {"1@2"},
		} {
			if r := new(Driver).decode("k", stored, ttl, now); r.Err != nil || !r.ExpiresAt.Equal(want) {
				t.Errorf("a %s with PTTL %d expires at %v, %v; want %v", form, ttl, r.ExpiresAt, r.Err, want)
			}
		}
	}
}
