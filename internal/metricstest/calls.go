package metricstest

import (
	"context"
	"errors"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/memstore"
)

// slow takes its time for reads.
type slow struct{ *memstore.Driver }

func (d slow) Get(ctx context.Context, keys []string) ([]driver.Record, error) {
	sleep(ctx, latency)
	return d.Driver.Get(ctx, keys)
}

var errEngine = errors.New("the engine is away")

func callsDuration(b *bench) {
	b.must(b.store.Set(b.Context(), "a", at(1)))
	for range 2 {
		_, err := b.store.Get(b.Context(), "a")
		b.must(err)
	}
	b.want(Samples{
		`db_client_operation_duration_seconds_count{db_operation_name="get",db_system_name="memory"}`: 2,
		`db_client_operation_duration_seconds_sum{db_operation_name="get",db_system_name="memory"}`:   2 * latency.Seconds(),
		`db_client_operation_duration_seconds_count{db_operation_name="set",db_system_name="memory"}`: 1,
	})
}

func callsError(b *bench) {
	b.mem.Fail(errEngine)
	for range 3 {
		if _, err := b.store.Get(b.Context(), "a"); err == nil {
			b.Fatal("Get found a failing engine well")
		}
	}
	b.mem.Fail(nil)
	ended, cancel := context.WithCancel(b.Context())
	cancel()
	if _, err := b.store.Get(ended, "a"); err == nil {
		b.Fatal("Get found an ended context well")
	}
	b.mem.Damage("a")
	if _, err := b.store.Get(b.Context(), "a"); err == nil {
		b.Fatal("Get found a damaged checkpoint well")
	}
	b.want(Samples{
		`db_client_operation_duration_seconds_count{db_operation_name="get",db_system_name="memory",error_type="_OTHER"}`:             3,
		`db_client_operation_duration_seconds_count{db_operation_name="get",db_system_name="memory",error_type="canceled"}`:           1,
		`db_client_operation_duration_seconds_count{db_operation_name="get",db_system_name="memory",error_type="corrupt_checkpoint"}`: 1,
	})
}

// callsAnswer: a first run finds nothing, and a standby is told all the time that the
// lease is held.
func callsAnswer(b *bench) {
	if _, err := b.store.Get(b.Context(), "a"); !errors.Is(err, checkpoint.ErrNotFound) {
		b.Fatal(err)
	}
	_, err := b.store.Acquire(b.Context(), "a", "one", latency)
	b.must(err)
	if _, err := b.store.Acquire(b.Context(), "a", "other", latency); !errors.Is(err, checkpoint.ErrLeaseHeld) {
		b.Fatal(err)
	}
	b.want(Samples{
		`db_client_operation_duration_seconds_count{db_operation_name="get",db_system_name="memory"}`:     1,
		`db_client_operation_duration_seconds_count{db_operation_name="acquire",db_system_name="memory"}`: 2,
	})
}

// callsPartial: a batch of renewals returns no error if one of them fails.
func callsPartial(b *bench) {
	b.mem.DamageFence("b")
	_, err := b.store.RenewMany(b.Context(), checkpoint.Lease{Key: "b", Owner: "one", TTL: latency, Epoch: 1})
	b.must(err)
	b.want(Samples{
		`db_client_operation_duration_seconds_count{db_operation_name="renewMany",db_system_name="memory",error_type="partial"}`: 1,
	})
}
