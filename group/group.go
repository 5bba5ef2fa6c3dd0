// Package group shares the partitions of one consumer out among its instances, over any
// log and any store. Each instance, a member, calls [Run]. There is no leader, and nobody
// takes a partition from a member by force.
//
// A beat is a sign of life: three times in a TTL, every member stores one, and reads who
// else lives and who holds which lease. From this view, every member computes by [Balance]
// which member shall hold each partition. If nobody holds a partition's lease, the member
// that shall hold the partition acquires the lease. If a member holds a partition that
// another shall hold, it reads no more of it, finishes the events in work, stores the
// position, and releases the lease.
//
// A partition's lease is the lease of its checkpoint. So a view that is wrong or late can
// only delay: the lease and its epoch decide who works and who writes.
package group

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/internal/instance"
	"github.com/checkpointstore/checkpoint/keeper"
	"github.com/checkpointstore/checkpoint/subscription"
)

// Run is a member of the group with the given name until ctx ends. The name has 1 to 256
// bytes. It calls consume for each partition that the member holds, each in a goroutine of
// its own, with the partition's open subscription. Consume reads and handles the events of
// the partition, for instance by [subscription.Run], until its context ends. The context
// ends when the partition is to move, or when the member ends. If the lease is lost, only
// the subscription's Context ends: then consume must return an error, as
// [subscription.Run] does. Run closes the subscription. If consume returns nil although
// its context has not ended, the partition has ended, and this member does not begin it
// again.
//
// The checkpoint of a partition has the key that [Key] returns. Partitions returns the
// partitions that there are now. Run calls it before each beat, so it must answer from
// memory. If a call takes longer than a sixth of a TTL, Run ends its context, and the
// partitions stay as they were. Sooner or later, partitions must return the same at all
// members.
//
// When ctx ends, the member tells the others, and ends its partitions as if they were to
// move. Then Run returns nil, or [ErrDrainPatience] if a consumer does not return. This
// takes 2 * DrainPatience + 2/3 TTL + 2.2 seconds at most. Run also returns an error if
// the options are wrong, if Partitions or the first sign of life fails, if the store is
// closed, or if Options.Failed ends the member. If the engine keeps no reports or shows no
// leases, the error is checkpoint.ErrUnsupported. While the store fails later, Run tries
// again.
func Run(
	ctx context.Context, store *checkpoint.Store, name string, partitions func(context.Context) ([]string, error),
	opts *Options, consume func(ctx context.Context, partition string, s *subscription.Subscription) error,
) error {
	o, err := opts.withDefaults()
	if err != nil {
		return err
	}
	host, _ := os.Hostname()
	m := &member{
		store: store, group: name, opts: o, ask: partitions, consume: consume,
		log: o.Logger.With("group", name, "member", o.Member),
		self: checkpoint.Member{
			Name: o.Member, Host: host, PID: os.Getpid(), Version: instance.Version(),
			Since: time.Now().UTC(), Weight: o.Weight, Info: o.Info,
		},
		keeper:  keeper.New(store),
		viewers: checkpoint.HooksOf[ViewObserver](o.Observers),
		movers:  checkpoint.HooksOf[MoveObserver](o.Observers),
		held:    make(map[string]*partition),
		resting: make(map[string]*rest),
		wanted:  make(map[string]time.Time),
		seen:    make(map[string]time.Time),
		ended:   make(chan *partition),
	}
	if m.partitions, err = partitions(ctx); err == nil {
		err = m.check(m.partitions)
	}
	if err != nil {
		return fmt.Errorf("group %q: the partitions are not known: %w", name, err)
	}
	err = m.run(ctx)
	if ctx.Err() != nil && (errors.Is(err, ctx.Err()) || errors.Is(err, context.Cause(ctx))) {
		err = nil
	}
	return errors.Join(err, m.leave(context.WithoutCancel(ctx)))
}

// Fixed returns partitions that never change, for [Run].
func Fixed(partitions ...string) func(context.Context) ([]string, error) {
	own := slices.Clone(partitions)
	return func(context.Context) ([]string, error) { return own, nil }
}

// Key returns the key of a partition's checkpoint: "orders/7" of group "orders",
// partition "7".
func Key(group, partition string) string { return group + "/" + partition }
