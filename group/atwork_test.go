package group_test

import (
	"context"
	"iter"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/group"
	"github.com/checkpointstore/checkpoint/subscription"
)

// TestHandlerThatGoesOnKeepsItsPartition until its lease has ended, also from its own
// member: the event would be handled twice at the same time.
func TestHandlerThatGoesOnKeepsItsPartition(t *testing.T) {
	for name, end := range map[string]struct {
		fails bool
		moves bool // the partition moves away and back
	}{
		"as another handler fails":        {fails: true},
		"as the partition goes and comes": {moves: true},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(b *bench) {
				var mu sync.Mutex
				var begun, returned []time.Time
				gone := false
				partitions := func(context.Context) ([]string, error) {
					mu.Lock()
					defer mu.Unlock()
					if gone {
						return nil, nil
					}
					return []string{"0"}, nil
				}
				r := b.run(partitions, group.Options{Member: "a"}, func(ctx context.Context, _ string, s *subscription.Subscription) error {
					atWork := make(chan struct{})
					err := subscription.Run(ctx, s, twoEvents, subscription.Handler[uint64]{
						Workers:  2,
						Position: func(n uint64) checkpoint.Position { return checkpoint.Position{Commit: n, Prepare: n} },
						Handle: func(_ context.Context, n uint64) error {
							if n == 2 && end.fails {
								<-atWork
								return errBroken
							}
							mu.Lock()
							begun = append(begun, time.Now())
							mu.Unlock()
							if n == 1 {
								close(atWork)
							}
							time.Sleep(10 * ttl) // whatever its context says
							return nil
						},
					})
					mu.Lock()
					returned = append(returned, time.Now())
					mu.Unlock()
					return err
				})
				for range 12 {
					time.Sleep(ttl / 2)
					mu.Lock()
					gone = end.moves && !gone
					mu.Unlock()
				}
				_ = r.ends(b)
				time.Sleep(20 * ttl) // until no handler is at work
				mu.Lock()
				defer mu.Unlock()
				if len(returned) < 2 {
					b.Fatalf("the consumer has returned %d times: the test shows little", len(returned))
				}
				for _, r := range returned {
					for _, again := range begun {
						if pause := again.Sub(r); pause >= 0 && pause < ttl {
							b.Errorf("%v after a consumer left its handler at work, the event is handled again", pause)
						}
					}
				}
			})
		})
	}
}

func twoEvents(ctx context.Context) iter.Seq2[uint64, error] {
	return func(yield func(uint64, error) bool) {
		if yield(1, nil) && yield(2, nil) {
			<-ctx.Done()
		}
	}
}

// TestLastFlushThatFailsIsLogged, although the consumer says only that it was to end.
func TestLastFlushThatFailsIsLogged(t *testing.T) {
	bubble(t, func(b *bench) {
		var text strings.Builder
		opts := group.Options{
			Member: "a", Logger: slog.New(slog.NewTextHandler(&text, nil)),
			Subscription: func(string) subscription.Options {
				return subscription.Options{Missing: subscription.FromStart, ReportEvery: -1, FlushAfter: time.Hour}
			},
		}
		var r *runner
		r = b.run(group.Fixed("0"), opts, func(ctx context.Context, _ string, s *subscription.Subscription) error {
			work, err := s.Track(ctx, checkpoint.Position{Commit: 1, Prepare: 1})
			if err != nil {
				return err
			}
			work.Done()
			<-ctx.Done()
			r.set(down)
			return ctx.Err()
		})
		time.Sleep(ttl)
		_ = r.ends(b)
		if !strings.Contains(text.String(), "the partition was given up with an error") {
			b.Errorf("the log does not say that the last position is not stored:\n%s", &text)
		}
	})
}

// TestShortestTTL is long enough for the members to see each other.
func TestShortestTTL(t *testing.T) {
	bubble(t, func(b *bench) {
		const shortest = 10 * time.Millisecond
		store := checkpoint.New(b.engine, nil)
		ctx, stop := context.WithCancel(b.Context())
		var members sync.WaitGroup
		for _, name := range []string{"a", "b"} {
			members.Go(func() {
				opts := group.Options{Member: name, TTL: shortest, Subscription: fromStart}
				if err := group.Run(ctx, store, "g", group.Fixed(numbered(4)...), &opts, b.consume(name)); err != nil {
					b.Error(err)
				}
			})
			time.Sleep(5 * shortest / 2)
		}
		time.Sleep(time.Second)
		b.want(map[string]int{"a": 2, "b": 2})
		stop()
		members.Wait()
	})
}

// TestLargeWeights neither overflow nor leave a partition idle.
func TestLargeWeights(t *testing.T) {
	for _, weight := range []int{1 << 60, 1 << 62} {
		members := named("a", "b", "c", "d")
		for i := range members {
			members[i].Weight = weight
		}
		got := counts(group.Balance(group.Situation{Members: members, Partitions: numbered(8)}))
		if want := map[string]int{"a": 2, "b": 2, "c": 2, "d": 2}; !maps.Equal(got, want) {
			t.Errorf("with a weight of %d, 8 partitions are shared out as %v, want %v", weight, got, want)
		}
	}
}
