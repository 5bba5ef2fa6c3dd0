package subscription_test

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/memstore"
	"github.com/checkpointstore/checkpoint/subscription"
)

type event struct {
	position checkpoint.Position
	orderID  string
}

// readAfter stands for a log.
func readAfter(_ context.Context, p checkpoint.Position, resumes bool) iter.Seq2[event, error] {
	return func(yield func(event, error) bool) {
		start := uint64(1)
		if resumes {
			start = p.Commit + 1
		}
		for n := start; n <= 5; n++ {
			if !yield(event{checkpoint.Position{Commit: n, Prepare: n}, "order-1"}, nil) {
				return
			}
		}
	}
}

// The common case: resume, handle each event once, keep the lease.
func ExampleConsume() {
	store := checkpoint.New(memstore.New(), nil)
	eventsAfter := func(ctx context.Context, p checkpoint.Position) iter.Seq2[event, error] {
		return readAfter(ctx, p, true)
	}
	err := subscription.Consume(context.Background(), store, "order-processor", &subscription.Options{
		Missing: subscription.FromStart,
		Lease:   &subscription.Lease{Wait: true},
	}, eventsAfter, subscription.Handler[event]{
		Position: func(e event) checkpoint.Position { return e.position },
		Handle: func(_ context.Context, e event) error {
			fmt.Println("handled", e.position)
			return nil
		},
		Retry: subscription.Backoff(time.Second, time.Minute, 5),
	})
	fmt.Println(err)
	// Output:
	// handled C:1/P:1
	// handled C:2/P:2
	// handled C:3/P:3
	// handled C:4/P:4
	// handled C:5/P:5
	// <nil>
}

// Open, Run and Close are for handlers that need the Subscription.
func ExampleRun() {
	ctx := context.Background()
	store := checkpoint.New(memstore.New(), nil)
	s, err := subscription.Open(ctx, store, "order-processor", &subscription.Options{
		Missing: subscription.FromStart,
		Lease:   &subscription.Lease{Owner: "instance-1", Wait: true},
	})
	if err != nil {
		panic(err)
	}
	from, resumes := s.Resume()
	events := func(ctx context.Context) iter.Seq2[event, error] { return readAfter(ctx, from, resumes) }
	err = subscription.Run(ctx, s, events, subscription.Handler[event]{
		Position:    func(e event) checkpoint.Position { return e.position },
		OrderingKey: func(e event) string { return e.orderID },
		Handle: func(_ context.Context, e event) error {
			fmt.Println("handled", e.position)
			return nil
		},
		Workers: 4,
		Retry:   subscription.Backoff(time.Second, time.Minute, 5),
	})
	fmt.Println(err, s.Close(ctx))
	cp, err := store.Get(ctx, "order-processor")
	fmt.Println(cp.Position, err)
	// Output:
	// handled C:1/P:1
	// handled C:2/P:2
	// handled C:3/P:3
	// handled C:4/P:4
	// handled C:5/P:5
	// <nil> <nil>
	// C:5/P:5 <nil>
}

// Without Run: the reader tracks, workers acknowledge in any order, and nothing
// past unfinished work is stored.
func ExampleSubscription_Track() {
	ctx := context.Background()
	store := checkpoint.New(memstore.New(), nil)
	s, err := subscription.Open(ctx, store, "order-processor", &subscription.Options{Missing: subscription.FromStart})
	if err != nil {
		panic(err)
	}
	var works []subscription.Work
	for n := range uint64(3) {
		work, err := s.Track(ctx, checkpoint.Position{Commit: n + 1, Prepare: n + 1})
		if err != nil {
			panic(err)
		}
		works = append(works, work)
	}
	works[2].Done()
	works[0].Done() // the second is still in work
	fmt.Println(s.Close(ctx))
	cp, err := store.Get(ctx, "order-processor")
	fmt.Println(cp.Position, err)
	// Output:
	// <nil>
	// C:1/P:1 <nil>
}
