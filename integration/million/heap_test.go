package million

import (
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// heapInUse is the heap that is in use once everything unreachable is freed.
func heapInUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse
}

// heapOfKeys is what a set of all the keys takes, each with the whole Redis
// key behind it as the answer of a SCAN has it. A walk may keep that.
func heapOfKeys() uint64 {
	before := heapInUse()
	seen := make(map[string]struct{})
	for i := range count {
		redisKey := strings.Clone("test:checkpoint:" + key(i))
		seen[strings.TrimPrefix(redisKey, "test:checkpoint:")] = struct{}{}
	}
	after := heapInUse()
	runtime.KeepAlive(seen)
	return after - min(before, after)
}

// bounded fails the test if the heap grows by more than allowed at any of the
// moments, ten a second, at which it is looked at while run runs.
func bounded(t *testing.T, allowed uint64, run func()) {
	t.Helper()
	t.Helper()
	before, peak, samples := heapInUse(), uint64(0), 0
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for tick := time.NewTicker(100 * time.Millisecond); ; {
			peak = max(peak, heapInUse())
			samples++
			select {
			case <-stop:
				tick.Stop()
				return
			case <-tick.C:
			}
		}
	})
	// Also when run ends the test.
	defer func() {
		close(stop)
		wg.Wait()
		grown := peak - min(before, peak)
		t.Logf("the heap grew by at most %d MiB in %d looks, %d MiB are allowed", grown>>20, samples, allowed>>20)
		if grown > allowed {
			t.Errorf("the heap in use grew by %d MiB, at most %d MiB are allowed", grown>>20, allowed>>20)
		}
	}()
	run()
}
