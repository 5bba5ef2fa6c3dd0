package main

import (
	"context"
	"fmt"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/internal/filltest"
)

func benchKey(i int) string { return fmt.Sprintf("consumer/%012d", i) } // as redis-benchmark makes them

// fill writes n keys at one position, one after another.
func fill(ctx context.Context, store *checkpoint.Store, n int, position uint64) error {
	return writeKeys(ctx, store, n, n, 1, position)
}

// scatter writes as many of n keys, each batch spread over all of them: in a
// large store neighbours seldom write together.
func scatter(ctx context.Context, store *checkpoint.Store, n, writes int, position uint64) error {
	return writeKeys(ctx, store, n, writes, stride(n), position)
}

// stride is about the golden section of n, with no divisor in common with it:
// steps of it meet each key once, and lie evenly wherever they end.
func stride(n int) int {
	step := max(1, int(float64(n)*0.618))
	for gcd(step, n) != 1 {
		step++
	}
	return step
}

func writeKeys(ctx context.Context, store *checkpoint.Store, n, writes, step int, position uint64) error {
	return filltest.Fill(ctx, store, writes, func(i int) checkpoint.Write {
		return checkpoint.Write{
			Key: benchKey(i * step % n), Mark: checkpoint.Mark{Position: checkpoint.Position{Commit: position, Prepare: position}}, IfNewer: true,
		}
	})
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

func countAll(ctx context.Context, store *checkpoint.Store, want int) error {
	n := 0
	for _, err := range store.GetAll(ctx, "*") {
		if err != nil {
			return err
		}
		n++
	}
	if n != want {
		return fmt.Errorf("GetAll found %d checkpoints, want %d", n, want)
	}
	return nil
}

func clearAll(ctx context.Context, store *checkpoint.Store, want int) error {
	n, err := store.Clear(ctx, "*")
	if err == nil && n != want {
		err = fmt.Errorf("removed were %d checkpoints, want %d", n, want)
	}
	return err
}
