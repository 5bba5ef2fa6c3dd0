package keeper_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/keeper"
	"github.com/checkpointstore/checkpoint/memstore"
)

// BenchmarkKeeper keeps 500 leases, acquired one after another, for one TTL an
// iteration. Each by itself would make three calls in that time.
func BenchmarkKeeper(b *testing.B) {
	const n, ttl = 500, 600 * time.Millisecond
	e := &engine{Driver: memstore.New()}
	store := checkpoint.New(e, nil)
	k := keeper.New(store)
	leases := make([]*keeper.Lease, n)
	for i := range leases {
		asked := time.Now()
		lease, err := store.Acquire(b.Context(), fmt.Sprint("orders/", i), "a", ttl)
		if err == nil {
			leases[i], err = k.Add(lease, asked)
		}
		if err != nil {
			b.Fatal(err)
		}
		time.Sleep(ttl / 3 / n)
	}
	before := len(e.made())
	for b.Loop() {
		time.Sleep(ttl)
	}
	calls := e.made()[before:]
	renewals := 0
	for _, size := range calls {
		renewals += size
	}
	seconds := b.Elapsed().Seconds()
	b.ReportMetric(float64(len(calls))/seconds, "calls/s")
	b.ReportMetric(float64(renewals)/seconds, "renewals/s")
	b.ReportMetric(0, "ns/op")
	for _, l := range leases {
		if err := context.Cause(l.Context()); err != nil {
			b.Error(err)
		}
		_ = l.Remove(b.Context())
	}
}
