package metricstest

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/subscription"
)

const processed = `{messaging_consumer_group_name="orders/1",messaging_operation_name="process",messaging_system="checkpoint"}`

func processedWith(failure string) string {
	return `{error_type="` + failure + `",` + processed[1:]
}

func events(to uint64) func(context.Context) iter.Seq2[uint64, error] {
	return func(context.Context) iter.Seq2[uint64, error] {
		return func(yield func(uint64, error) bool) {
			for n := uint64(1); n <= to && yield(n, nil); n++ {
			}
		}
	}
}

// run handles two events, for a second each.
func (b *bench) run(s *subscription.Subscription, result error, park func(context.Context, uint64, error) error) error {
	return subscription.Run(b.Context(), s, events(2), subscription.Handler[uint64]{
		Position: at, Park: park,
		Handle: func(ctx context.Context, _ uint64) error {
			sleep(ctx, time.Second)
			return result
		},
	})
}

// eventsDuration: the second event waits for the first, and the wait does not count.
func eventsDuration(b *bench) {
	b.must(b.run(b.open("orders/1", subscription.Options{}), nil, nil))
	b.want(Samples{
		"messaging_process_duration_seconds_count" + processed: 2,
		"messaging_process_duration_seconds_sum" + processed:   2,
	})
}

func eventsWithoutRun(b *bench) {
	w := b.track(b.open("orders/1", subscription.Options{}), 1)
	time.Sleep(time.Second)
	w.Done()
	b.want(Samples{
		"messaging_process_duration_seconds_count" + processed: 1,
		"messaging_process_duration_seconds_sum" + processed:   1,
	})
}

func eventsFailed(b *bench) {
	if err := b.run(b.open("orders/1", subscription.Options{}), checkpoint.ErrNotFound, nil); !errors.Is(err, checkpoint.ErrNotFound) {
		b.Fatal(err)
	}
	b.want(Samples{"messaging_process_duration_seconds_count" + processedWith("not_found"): 1})
	b.wantNone("messaging_process_duration_seconds_count" + processed)
}

// eventsParked: an event that is parked is done, and was not handled.
func eventsParked(b *bench) {
	b.must(b.run(b.open("orders/1", subscription.Options{}), errEngine, func(context.Context, uint64, error) error { return nil }))
	b.want(Samples{"messaging_process_duration_seconds_count" + processedWith("_OTHER"): 2})
	b.wantNone("messaging_process_duration_seconds_count" + processed)
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
