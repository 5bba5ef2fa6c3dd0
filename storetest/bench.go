package storetest

import (
	"testing"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/internal/benchtest"
)

// Bench measures a Store in sub-benchmarks of b. Each call of open returns a driver over
// an empty store of its own, and closes the driver through tb.Cleanup:
//
//	SetIfNewer/goroutines=N  single calls, a key for each goroutine, growing positions
//	Get/goroutines=N         single calls, a key for each goroutine
//	Apply/batch=N            one goroutine; an op is one write
//	GetAll                   a store of up to 10,000; an op is one checkpoint
//	Clear                    a store of up to 10,000; an op is one checkpoint
//
// N is 1, 16, 64, 256, 512 and 1024 goroutines, and batches of 100 and 1000.
// Each sub-benchmark reports ops/s, and fails if a call does not do its work.
func Bench(b *testing.B, open func(testing.TB) driver.Driver) {
	b.Helper()
	for _, call := range benchtest.Calls() {
		b.Run(call.Name, func(b *testing.B) { call.Run(b, checkpoint.New(open(b), nil)) })
	}
}
