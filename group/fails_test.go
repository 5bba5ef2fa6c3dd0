package group_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/group"
	"github.com/checkpointstore/checkpoint/subscription"
)

var errBroken = errors.New("the handler is broken")

// TestPartitionThatFails begins again after a while, and holds up no other.
func TestPartitionThatFails(t *testing.T) {
	for name, deaf := range map[string]bool{"that is woken": false, "that nobody wakes": true} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(b *bench) {
				b.deaf = deaf
				var failures []time.Time
				sound := b.consume("a")
				b.run(group.Fixed("good", "bad"), group.Options{Member: "a"}, func(ctx context.Context, partition string, s *subscription.Subscription) error {
					if partition == "bad" && len(failures) < 4 {
						failures = append(failures, time.Now())
						return errBroken
					}
					return sound(ctx, partition, s)
				})
				time.Sleep(ttl)
				b.want(map[string]int{"a": 1})
				time.Sleep(ttl)
				b.want(map[string]int{"a": 2})
				for i, least := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second} {
					if wait := failures[i+1].Sub(failures[i]); wait < least || wait > least+time.Second {
						b.Errorf("after failure %d the partition begins again after %v, want %v", i+1, wait, least)
					}
				}
			})
		})
	}
}

// TestErrorOfAnotherKeyIsAFailure, although it looks like a partition that another member has.
func TestErrorOfAnotherKeyIsAFailure(t *testing.T) {
	for name, fail := range map[string]func(context.Context, *checkpoint.Store) error{
		"a lease that is held": func(ctx context.Context, s *checkpoint.Store) error {
			_, err := s.Acquire(ctx, "other", "a handler", ttl)
			return err
		},
		"a write that is fenced": func(ctx context.Context, s *checkpoint.Store) error {
			return s.Set(ctx, "other", checkpoint.Position{Commit: 1}, checkpoint.Epoch(1))
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(b *bench) {
				store := checkpoint.New(b.engine, nil)
				for range 2 {
					if lease, err := store.Acquire(b.Context(), "other", "somebody", time.Hour); err != nil {
						b.Fatal(err)
					} else if lease.Epoch == 1 {
						if err := store.Release(b.Context(), lease); err != nil {
							b.Fatal(err)
						}
					}
				}
				r := b.run(group.Fixed("0"), group.Options{
					Member: "a", Failed: func(string, int, error) (time.Duration, bool) { return 0, false },
				}, func(ctx context.Context, _ string, _ *subscription.Subscription) error { return fail(ctx, store) })
				time.Sleep(2 * ttl)
				select {
				case err := <-r.done:
					if err == nil {
						b.Error("Run returns no error")
					}
				default:
					b.Error("Options.Failed was not asked")
				}
			})
		})
	}
}

// TestMoveAfterAFailure counts from the end of the failed one.
func TestMoveAfterAFailure(t *testing.T) {
	bubble(t, func(b *bench) {
		var took hurry
		b.run(group.Fixed("0"), group.Options{Member: "a", Observers: []checkpoint.Observer{&took}},
			func(ctx context.Context, _ string, _ *subscription.Subscription) error {
				select {
				case <-time.After(time.Hour):
					return errBroken
				case <-ctx.Done():
					return nil
				}
			})
		time.Sleep(3 * time.Hour)
		synctest.Wait()
		if len(took) < 2 || slices.Max(took) > ttl {
			b.Errorf("the member gained the partition in %v; want some times, all below %v", took, ttl)
		}
	})
}

// A hurry is how long it took to gain partitions.
type hurry []time.Duration

func (h *hurry) Moved(m group.Move) {
	if m.Gained {
		*h = append(*h, m.Took)
	}
}

// TestFailuresAreForgotten once the partition has worked for a minute.
func TestFailuresAreForgotten(t *testing.T) {
	bubble(t, func(b *bench) {
		var attempts []int
		b.run(group.Fixed("0"), group.Options{
			Member: "a",
			Failed: func(_ string, attempt int, _ error) (time.Duration, bool) {
				attempts = append(attempts, attempt)
				return time.Second, true
			},
		}, func(context.Context, string, *subscription.Subscription) error {
			if len(attempts) == 2 {
				time.Sleep(2 * time.Minute)
			}
			return errBroken
		})
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		if len(attempts) < 4 || !slices.Equal(attempts[:4], []int{1, 2, 1, 2}) {
			b.Errorf("the attempts are counted %v, want 1, 2, and 1, 2 after two minutes of work", attempts)
		}
	})
}

func TestFailedEndsTheMember(t *testing.T) {
	bubble(t, func(b *bench) {
		r := b.run(group.Fixed("good", "bad"), group.Options{
			Member: "a",
			Failed: func(_ string, attempt int, _ error) (time.Duration, bool) { return time.Second, attempt < 2 },
		}, func(ctx context.Context, partition string, s *subscription.Subscription) error {
			if partition == "bad" {
				return errBroken
			}
			return b.consume("a")(ctx, partition, s)
		})
		if err := <-r.done; !errors.Is(err, errBroken) || !strings.Contains(err.Error(), `partition "bad"`) {
			b.Errorf("Run returns %v", err)
		}
		b.want(map[string]int{})
		if view, err := checkpoint.New(b.engine, nil).Group(b.Context(), "g"); err != nil || len(view.Members) != 0 {
			b.Errorf("after the end of the member the group has %+v, %v", view.Members, err)
		}
	})
}

// TestPartitionThatEnds is not begun again by this member.
func TestPartitionThatEnds(t *testing.T) {
	bubble(t, func(b *bench) {
		begun := 0
		b.run(group.Fixed("0"), group.Options{Member: "a"}, func(context.Context, string, *subscription.Subscription) error {
			begun++
			return nil
		})
		time.Sleep(10 * ttl)
		synctest.Wait()
		if begun != 1 {
			b.Errorf("the partition was begun %d times", begun)
		}
	})
}

// TestLostLeaseIsAcquiredAgain at once: it is no failure of the partition.
func TestLostLeaseIsAcquiredAgain(t *testing.T) {
	bubble(t, func(b *bench) {
		b.start(2, group.Options{Member: "a", Failed: func(string, int, error) (time.Duration, bool) {
			b.Error("a lost lease is a failure")
			return 0, false
		}})
		time.Sleep(ttl)
		if _, err := checkpoint.New(b.engine, nil).Revoke(b.Context(), "g/1"); err != nil {
			b.Fatal(err)
		}
		time.Sleep(ttl / 2)
		b.want(map[string]int{"a": 2})
		if n := b.moved(); n != 3 {
			b.Errorf("partitions were begun %d times, want 3", n)
		}
	})
}

// TestConsumerThatDoesNotStop keeps its lease until the lease ends by itself, and the end
// of Run is late but comes.
func TestConsumerThatDoesNotStop(t *testing.T) {
	bubble(t, func(b *bench) {
		release := make(chan struct{})
		r := b.run(group.Fixed("0"), group.Options{Member: "a"}, func(_ context.Context, partition string, s *subscription.Subscription) error {
			b.begin("a", partition)
			<-s.Context().Done()
			time.Sleep(ttl / 2) // the lease lasts longer
			b.end(partition)
			<-release
			return nil
		})
		time.Sleep(ttl)
		b.want(map[string]int{"a": 1})
		b.start(1, group.Options{Member: "b"})
		if err := r.ends(b); !errors.Is(err, group.ErrDrainPatience) || !strings.Contains(err.Error(), `"0"`) {
			b.Errorf("Run returns %v, want ErrDrainPatience with the partition", err)
		}
		time.Sleep(ttl)
		b.want(map[string]int{"b": 1})
		close(release)
	})
}

// TestLogThatHangs stops no signs of life: otherwise the member would hold its partitions for
// ever, and see nobody who joins.
func TestLogThatHangs(t *testing.T) {
	bubble(t, func(b *bench) {
		var asked atomic.Int64
		hangs := func(ctx context.Context) ([]string, error) {
			if asked.Add(1) > 1 {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return numbered(4), nil
		}
		b.run(hangs, group.Options{Member: "a"}, b.consume("a"))
		time.Sleep(4 * ttl)
		b.want(map[string]int{"a": 4})
		b.start(4, group.Options{Member: "b"})
		time.Sleep(2 * ttl)
		b.want(map[string]int{"a": 2, "b": 2})
	})
}
