package million

import (
	"testing"

	"github.com/checkpointstore/checkpoint/integration/heap"
)

// bounded fails the test if the heap grows by more than allowed while run runs.
func bounded(t *testing.T, allowed uint64, run func()) {
	t.Helper()
	stop := heap.Watch()
	// Also when run ends the test.
	defer func() {
		grown, looks := stop()
		t.Logf("the heap grew by at most %d MiB in %d looks, %d MiB are allowed", grown>>20, looks, allowed>>20)
		if grown > allowed {
			t.Errorf("the heap in use grew by %d MiB, at most %d MiB are allowed", grown>>20, allowed>>20)
		}
	}()
	run()
}
