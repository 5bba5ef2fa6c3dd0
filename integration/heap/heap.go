// Package heap tells how much memory a walk over many checkpoints needs.
package heap

import (
	"runtime"
	"strings"
	"sync"
	"time"
)

// InUse is the heap that is in use once everything unreachable is freed.
func InUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse
}

// OfKeys is what a set of n keys takes, each with the whole Redis key behind it
// as the answer of a SCAN has it. A walk may keep that.
func OfKeys(n int, prefix string, key func(int) string) uint64 {
	before := InUse()
	seen := make(map[string]struct{})
	for i := range n {
		redisKey := strings.Clone(prefix + key(i))
		seen[strings.TrimPrefix(redisKey, prefix)] = struct{}{}
	}
	after := InUse()
	runtime.KeepAlive(seen)
	return after - min(before, after)
}

// Watch looks at the heap ten times a second until stop is called, and then once
// more. stop tells how far the heap grew at the most, and in how many looks.
func Watch() (stop func() (grown uint64, looks int)) {
	before, peak, looks := InUse(), uint64(0), 0
	end := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for tick := time.NewTicker(100 * time.Millisecond); ; {
			peak = max(peak, InUse())
			looks++
			select {
			case <-end:
				tick.Stop()
				return
			case <-tick.C:
			}
		}
	})
	return func() (uint64, int) {
		close(end)
		wg.Wait()
		peak = max(peak, InUse())
		return peak - min(before, peak), looks + 1
	}
}
