package watch_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/watch"
	"github.com/checkpointstore/checkpoint/group"
	"github.com/checkpointstore/checkpoint/subscription"
)

// runs runs a member with four partitions until the test ends.
func (s groupScene) runs(member string) {
	ended := make(chan error)
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		ended <- group.Run(ctx, s.store, "orders", group.Fixed("0", "1", "2", "3"), &group.Options{
			Member: member,
			Subscription: func(string) subscription.Options {
				return subscription.Options{Missing: subscription.FromStart}
			},
		}, func(ctx context.Context, _ string, _ *subscription.Subscription) error {
			<-ctx.Done()
			return nil
		})
	}()
	s.Cleanup(func() {
		cancel()
		s.do(<-ended)
	})
}

// TestGroupAtWork: what is shown of members that follow orders is what they do.
func TestGroupAtWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newGroupScene(t)
		shows := func(when string, a, b watch.MemberState, holds int, orders ...watch.OrderState) {
			t.Helper()
			time.Sleep(30 * time.Second)
			g := s.group("orders")
			got := make([]watch.OrderState, 0, len(g.Orders))
			for _, o := range g.Orders {
				got = append(got, o.State)
			}
			if g.Member("a").State != a || g.Member("b").State != b || len(g.Member("a").Holds) != holds || g.Held() != 4-free(a, b) || !slices.Equal(got, orders) {
				t.Errorf("%s: members %+v, orders %+v, %d held", when, g.Members, g.Orders, g.Held())
			}
			for _, p := range g.Partitions {
				if p.Holder() != "" && p.Row.State != watch.Running && p.Row.State != watch.Idle {
					t.Errorf("%s: partition %s is %s: %s", when, p.Name, p.Row.State, p.Row.Why)
				}
			}
		}
		s.runs("a")
		s.runs("b")
		shows("at first", watch.MemberActive, watch.MemberActive, 2)
		s.order(checkpoint.GroupOrder{Drain: "a"})
		shows("a is drained", watch.MemberDrained, watch.MemberActive, 0, watch.OrderDone)
		s.order(checkpoint.GroupOrder{Drain: "b"})
		shows("both are drained", watch.MemberDrained, watch.MemberDrained, 0, watch.OrderDone, watch.OrderDone)
		s.do(s.store.WithdrawOrder(t.Context(), "orders", checkpoint.GroupOrder{Drain: "a"}))
		s.do(s.store.WithdrawOrder(t.Context(), "orders", checkpoint.GroupOrder{Drain: "b"}))
		for _, p := range []string{"0", "1", "2"} {
			s.order(checkpoint.GroupOrder{Pin: p, To: "a"})
		}
		shows("three are pinned to a", watch.MemberActive, watch.MemberActive, 3, watch.OrderDone, watch.OrderDone, watch.OrderDone)
	})
}

// free is how many of four partitions nobody can hold.
func free(states ...watch.MemberState) int {
	if slices.Contains(states, watch.MemberActive) {
		return 0
	}
	return 4
}
