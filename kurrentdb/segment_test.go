package kurrentdb

import (
	"fmt"
	"testing"

	"github.com/google/uuid"
)

// TestSegmentIsStable: with another hash, consumers would skip events.
func TestSegmentIsStable(t *testing.T) {
	for stream, want := range map[string][4]int{ // of 1, 4, 7 and 1000 segments
		"":                   {0, 1, 2, 37},
		"order-1":            {0, 1, 5, 325},
		"order-2":            {0, 0, 3, 692},
		"$ce-order":          {0, 2, 5, 582},
		"Bestellung-größe-ß": {0, 3, 0, 835},
		"account-b9f3c5f0-6c0e-4c1e-9d2a-1f5a3f6d7e80": {0, 2, 5, 362},
	} {
		for i, n := range []int{1, 4, 7, 1000} {
			if got := Segment(stream, n); got != want[i] {
				t.Errorf("stream %q is in segment %d of %d, want %d", stream, got, n, want[i])
			}
		}
	}
}

// TestSegmentsAreAlike has numbered streams and streams named by UUIDs.
func TestSegmentsAreAlike(t *testing.T) {
	const streams = 20_000
	for name, stream := range map[string]func(int) string{
		"numbers": func(i int) string { return fmt.Sprintf("order-%d", i) },
		"UUIDs":   func(i int) string { return "order-" + uuid.NewSHA1(uuid.NameSpaceOID, fmt.Append(nil, i)).String() },
	} {
		for _, n := range []int{2, 3, 4, 5, 8, 16} {
			counts := make([]int, n)
			for i := range streams {
				counts[Segment(stream(i), n)]++
			}
			for segment, got := range counts {
				if want := streams / n; got < want*9/10 || got > want*11/10 {
					t.Errorf("%s: segment %d of %d has %d streams, want about %d", name, segment, n, got, want)
				}
			}
		}
	}
}

func TestNoSegments(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("Segment of 0 segments does not panic")
		}
	}()
	Segment("order-1", 0)
}
