package tracker_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/tracker"
)

// BenchmarkTrackAck is one Track and one Ack, in one goroutine, with a window
// of positions in flight: the cost must not depend on its size. "random" does
// not acknowledge in order, and "oldest" holds the first position for ever, so
// that the low watermark never moves.
func BenchmarkTrackAck(b *testing.B) {
	for _, window := range []int{1, 1_000, 100_000} {
		b.Run(fmt.Sprintf("window=%d", window), func(b *testing.B) {
			benchTrackAck(b, new(tracker.Tracker), window, func(i int) int { return i % window })
		})
	}
	b.Run("random/window=1000", func(b *testing.B) {
		rng := rand.New(rand.NewPCG(1, 2))
		slots := make([]int, 1<<16)
		for i := range slots {
			slots[i] = rng.IntN(1_000)
		}
		benchTrackAck(b, new(tracker.Tracker), 1_000, func(i int) int { return slots[i%len(slots)] })
	})
	b.Run("oldest/window=1000", func(b *testing.B) {
		t := new(tracker.Tracker)
		if _, err := t.Track(checkpoint.Position{}); err != nil {
			b.Fatal(err)
		}
		benchTrackAck(b, t, 1_000, func(i int) int { return i % 1_000 })
		if n := t.InFlight(); n != 1 {
			b.Fatalf("%d are in flight, want the oldest", n)
		}
	})
}

func benchTrackAck(b *testing.B, t *tracker.Tracker, window int, slot func(int) int) {
	b.Helper()
	tokens := make([]tracker.Token, window)
	next := uint64(0)
	step := func(slot int) {
		next++
		t.Ack(tokens[slot]) // the zero Token at first, which changes nothing
		token, err := t.Track(checkpoint.Position{Commit: next, Prepare: next})
		if err != nil {
			b.Fatal(err)
		}
		tokens[slot] = token
	}
	for i := range window {
		step(i)
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		step(slot(i))
		i++
	}
	held := t.InFlight() - window
	for _, token := range tokens {
		t.Ack(token)
	}
	if p, _ := t.LowWatermark(); held == 0 && p.Commit != next {
		b.Fatalf("the low watermark is %v after %d positions", p, next)
	}
}
