package metricstest

import (
	"context"
	"fmt"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/group"
	"github.com/checkpointstore/checkpoint/subscription"
)

const (
	groupTTL = 15 * time.Second
	ofGroup  = `{checkpoint_group="orders"}`
)

func movesOf(kind string) string {
	return `checkpoint_group_moves_total{checkpoint_group="orders",checkpoint_move="` + kind + `"}`
}

// joins runs a member with four partitions, and returns what ends it.
func (b *bench) joins(member string, observers ...checkpoint.Observer) (leave func()) {
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error)
	go func() {
		ended <- group.Run(ctx, b.store, "orders", group.Fixed("0", "1", "2", "3"), &group.Options{
			Member: member, TTL: groupTTL, Observers: observers,
			Subscription: func(string) subscription.Options {
				return subscription.Options{Missing: subscription.FromStart, ReportEvery: -1}
			},
		}, func(ctx context.Context, _ string, _ *subscription.Subscription) error {
			<-ctx.Done()
			return nil
		})
	}()
	return func() {
		cancel()
		b.must(<-ended)
	}
}

// groups: a member is alone, another one comes and goes, and the first one ends.
func groups(b *bench) {
	b.wantNone("checkpoint_group")
	leave := b.joins("a", b.observer)
	time.Sleep(2 * groupTTL)
	b.want(Samples{
		"checkpoint_group_members" + ofGroup: 1, "checkpoint_group_partitions" + ofGroup: 4,
		movesOf("gained"): 4, movesOf("given_up"): 0,
	})
	other := b.joins("b")
	time.Sleep(2 * groupTTL)
	b.want(Samples{
		"checkpoint_group_members" + ofGroup: 2, "checkpoint_group_partitions" + ofGroup: 2,
		movesOf("gained"): 4, movesOf("given_up"): 2,
	})
	other()
	time.Sleep(2 * groupTTL)
	b.want(Samples{
		"checkpoint_group_members" + ofGroup: 1, "checkpoint_group_partitions" + ofGroup: 4,
		movesOf("gained"): 6, "checkpoint_group_handoff_duration_seconds_count" + ofGroup: 6,
	})
	if sum := b.scrape()["checkpoint_group_handoff_duration_seconds_sum"+ofGroup]; sum <= 0 || sum > 6*groupTTL.Seconds() {
		b.Errorf("six moves took %v seconds", sum)
	}
	leave()
	time.Sleep(2 * groupTTL)
	b.want(Samples{movesOf("given_up"): 6})
	b.wantNone("checkpoint_group_members")
	b.wantNone("checkpoint_group_partitions")
}

// groupsTogether: members of one process share the series of their group.
func groupsTogether(b *bench) {
	var leave []func()
	for i := range 3 {
		leave = append(leave, b.joins(fmt.Sprint("m", i), b.observer))
	}
	time.Sleep(2 * groupTTL)
	b.want(Samples{"checkpoint_group_members" + ofGroup: 3, "checkpoint_group_partitions" + ofGroup: 4})
	for _, end := range leave {
		end()
	}
}

// groupsAway: a member that cannot reach the store knows nothing of its group any more.
func groupsAway(b *bench) {
	leave := b.joins("a", b.observer)
	time.Sleep(2 * groupTTL)
	b.mem.Fail(errEngine)
	time.Sleep(2 * groupTTL)
	b.wantNone("checkpoint_group_members")
	b.mem.Fail(nil)
	time.Sleep(3 * groupTTL)
	b.want(Samples{"checkpoint_group_members" + ofGroup: 1, "checkpoint_group_partitions" + ofGroup: 4})
	leave()
}
