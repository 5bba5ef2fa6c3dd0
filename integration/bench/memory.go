package main

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/checkpointstore/checkpoint"
)

func measureMemory(ctx context.Context, h *host, r *report) error {
	c := contest{folder: "memstore", limit: func(ctx context.Context, name string) (float64, error) {
		_, param, _ := strings.Cut(name, "goroutines=")
		goroutines, err := strconv.Atoi(param)
		if err != nil {
			goroutines = 1 // the batches and GetAll
		}
		return mapRate(goroutines, isWrite(name), r.set.each), ctx.Err()
	}}
	if err := c.run(ctx, h, r.set); err != nil {
		return err
	}
	r.table("memory", c.table())
	r.reach("memory-time", 1e9/r.rate(c.ours, single+"1"))
	r.reach("memory-allocs", c.allocs)
	return nil
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
