package promcheckpoint_test

import (
	"testing"

	"github.com/checkpointstore/checkpoint/internal/metricstest"
	"github.com/checkpointstore/checkpoint/promcheckpoint"
)

func TestAllocations(t *testing.T) { metricstest.Allocations(t, observer()) }

func BenchmarkCalls(b *testing.B) { metricstest.Benchmark(b, observer()) }

func observer() *promcheckpoint.Collector {
	return promcheckpoint.New(&promcheckpoint.Options{Keys: "orders/*"})
}
