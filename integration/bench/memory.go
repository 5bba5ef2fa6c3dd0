package main

import (
	"context"
	"io"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/checkpointstore/checkpoint"
)

func measureMemory(ctx context.Context, h *host, set settings, out io.Writer) error {
	return measureStore(ctx, h, set, "memstore", func(found []measurement) map[string]float64 {
		limits := make(map[string]float64)
		for _, m := range found {
			_, param, _ := strings.Cut(m.name, "goroutines=")
			goroutines, err := strconv.Atoi(param)
			if err != nil {
				goroutines = 1 // the batches and GetAll
			}
			limits[m.name] = mapRate(goroutines, isWrite(m.name), set.each)
		}
		return limits
	}, nil, out)
}

// mapRate is how many times a second goroutines together compare and store, or
// read, a position in a map under a mutex, each at a key of its own.
func mapRate(goroutines int, write bool, each time.Duration) float64 {
	var mu sync.Mutex
	positions := make(map[string]checkpoint.Position)
	var total, sum atomic.Uint64
	var wg sync.WaitGroup
	start := time.Now()
	for n := range goroutines {
		key := "consumer/" + strconv.Itoa(n)
		mu.Lock()
		positions[key] = checkpoint.Position{Commit: 1, Prepare: 1}
		mu.Unlock()
		wg.Go(func() {
			// The clock is read once in many steps: it costs as much as one.
			const steps = 64
			seen := uint64(0)
			for i := uint64(1); i == 1 || time.Since(start) < each; i++ {
				for range steps {
					mu.Lock()
					p := checkpoint.Position{Commit: i, Prepare: i}
					old := positions[key]
					if write && old.Compare(p) <= 0 {
						positions[key] = p
					}
					mu.Unlock()
					seen += old.Commit // so that the read is not optimised away
				}
				total.Add(steps)
			}
			sum.Add(seen)
		})
	}
	wg.Wait()
	return float64(total.Load()) / time.Since(start).Seconds()
}
