package storetest

import (
	"fmt"
	"sync"
	"testing"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/internal/filltest"
)

// Bench measures a Store over the drivers that open returns, each over an empty
// store of its own, as sub-benchmarks of b:
//
//	SetIfNewer/goroutines=N  single calls, a key for each goroutine, growing positions
//	Get/goroutines=N         single calls, a key for each goroutine
//	Apply/batch=N            one goroutine; an op is one write
//	GetAll                   a store of 10,000; an op is one checkpoint
//
// N is 1, 16, 64, 256, 512 and 1024 goroutines, and batches of 100 and 1000.
// Each reports ops/s.
func Bench(b *testing.B, open func(testing.TB) driver.Driver) {
	b.Helper()
	for _, n := range []int{1, 16, 64, 256, 512, 1024} {
		b.Run(fmt.Sprintf("SetIfNewer/goroutines=%d", n), func(b *testing.B) {
			store := checkpoint.New(open(b), nil)
			keys := benchKeys(n)
			spread(b, n, func(worker, i int) error {
				_, err := store.SetIfNewer(b.Context(), keys[worker], checkpoint.Position{Commit: uint64(i), Prepare: uint64(i)})
				return err
			})
		})
	}
	for _, n := range []int{1, 16, 64, 256, 512, 1024} {
		b.Run(fmt.Sprintf("Get/goroutines=%d", n), func(b *testing.B) {
			store := checkpoint.New(open(b), nil)
			keys := benchKeys(n)
			fillStore(b, store, keys)
			spread(b, n, func(worker, _ int) error {
				_, err := store.Get(b.Context(), keys[worker])
				return err
			})
		})
	}
	for _, n := range []int{100, 1000} {
		b.Run(fmt.Sprintf("Apply/batch=%d", n), func(b *testing.B) {
			store := checkpoint.New(open(b), nil)
			benchApply(b, store, n)
		})
	}
	b.Run("GetAll", func(b *testing.B) {
		store := checkpoint.New(open(b), nil)
		const n = 10_000
		fillStore(b, store, benchKeys(n))
		b.ReportAllocs()
		b.ResetTimer()
		for done := 0; done < b.N; {
			found := 0
			for _, err := range store.GetAll(b.Context(), "*") {
				if err != nil {
					b.Fatal(err)
				}
				if done++; done >= b.N {
					break
				}
				found++
			}
			if found != n && done < b.N {
				b.Fatalf("GetAll found %d checkpoints, want %d", found, n)
			}
		}
		rate(b)
	})
}

func benchApply(b *testing.B, store *checkpoint.Store, size int) {
	b.Helper()
	keys := benchKeys(size)
	writes := make([]checkpoint.Write, size)
	b.ReportAllocs()
	b.ResetTimer()
	for done, round := 0, uint64(1); done < b.N; round++ {
		batch := writes[:min(size, b.N-done)]
		for i := range batch {
			batch[i] = checkpoint.Write{
				Key: keys[i], Mark: checkpoint.Mark{Position: checkpoint.Position{Commit: round, Prepare: round}}, IfNewer: true,
			}
		}
		if _, err := store.Apply(b.Context(), batch...); err != nil {
			b.Fatal(err)
		}
		done += len(batch)
	}
	rate(b)
}

// spread does b.N operations on n goroutines, each its share. The worker's
// operations are numbered from 1.
func spread(b *testing.B, n int, op func(worker, i int) error) {
	b.Helper()
	b.ReportAllocs()
	b.ResetTimer()
	var wg sync.WaitGroup
	for worker := range min(n, b.N) {
		share := b.N / n
		if worker < b.N%n {
			share++
		}
		wg.Go(func() {
			for i := range share {
				if err := op(worker, i+1); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	rate(b)
}

func rate(b *testing.B) {
	b.Helper()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "ops/s")
}

func benchKeys(n int) []string {
	keys := make([]string, n)
	for i := range keys {
		keys[i] = fmt.Sprintf("consumer/%d", i)
	}
	return keys
}

func fillStore(b *testing.B, store *checkpoint.Store, keys []string) {
	b.Helper()
	err := filltest.Fill(b.Context(), store, len(keys), func(i int) checkpoint.Write {
		return checkpoint.Write{Key: keys[i], Mark: checkpoint.Mark{Position: checkpoint.Position{Commit: uint64(i), Prepare: uint64(i)}}}
	})
	if err != nil {
		b.Fatal(err)
	}
}
