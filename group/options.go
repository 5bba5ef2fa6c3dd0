package group

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/internal/instance"
	"github.com/checkpointstore/checkpoint/subscription"
)

// Options configures [Run]. A nil *Options is the zero Options.
type Options struct {
	// Member names this instance in the group, and is the owner of its leases. An instance
	// that comes back under its name within TTL gets its partitions back, and no partition
	// moves. Instances that run at the same time must not share a name. Empty: a unique
	// name of the hostname, the process id and a random text.
	Member string

	// TTL is how long a member counts as living after its last sign of life, and how long
	// its leases last. A member gives three signs in a TTL. After a crash, its partitions
	// are idle for 4/3 TTL at most, or 2 TTL if members join meanwhile. All members must
	// have the same TTL, of 10 ms or more. Zero: 15 seconds.
	TTL time.Duration

	// DrainPatience is how long a partition that is to move may take to finish the events
	// in work. Then [subscription.Run] ends the subscription. If consume has not returned
	// 1.1 seconds later, the lease ends by itself. Zero, and at most: half the TTL.
	DrainPatience time.Duration

	// Weight is this member's share beside the weights of the others: 1,000,000 at most.
	// Zero: 1.
	Weight int

	// Info is told to the other members: see checkpoint.Member.
	Info string

	// KeepPlace makes the group wait, for up to TTL, for a member that has ended in good
	// order: its partitions stay its own. Use it with Member, for a deployment that
	// restarts one instance after another within TTL.
	KeepPlace bool

	// Assign shares the partitions out. All members must have the same. Nil: [Balance].
	Assign Assign

	// Subscription returns the options of a partition's subscription. Run may call it for
	// several partitions at once. Run sets the Lease, and lowers the DrainTimeout to
	// DrainPatience. The Logger and the Observers of the group hear nothing of
	// subscriptions: return theirs here. Options that count events, such as MaxInFlight,
	// hold for each partition. Nil: the zero Options, with which a partition without a
	// checkpoint fails.
	Subscription func(partition string) subscription.Options

	// Failed decides what to do with a partition whose consumer has failed attempt times in
	// a row. A minute of work in between ends the row. Failed returns how long the
	// partition shall be idle before it begins again, or false to end the member with the
	// error. Nil: the partition begins again after 1 second, then 2, and so on up to a
	// minute. It is no failure if the lease is lost, a write of the position is fenced, or
	// another instance has stored a newer position: then the partition begins again with a
	// later beat.
	Failed func(partition string, attempt int, err error) (wait time.Duration, again bool)

	// Logger gets a line when a member joins, leaves, gains and gives up a partition, and
	// when something fails. Nil: no lines.
	Logger *slog.Logger

	// Observers hear of the group's events: see [ViewObserver] and [MoveObserver]. A nil
	// observer is skipped.
	Observers []checkpoint.Observer
}

func (o *Options) withDefaults() (Options, error) {
	var out Options
	if o != nil {
		out = *o
	}
	if out.Logger == nil {
		out.Logger = slog.New(slog.DiscardHandler)
	}
	if out.Member == "" {
		out.Member = instance.Unique()
	}
	if out.TTL == 0 {
		out.TTL = 15 * time.Second
	}
	if out.DrainPatience == 0 {
		out.DrainPatience = out.TTL / 2
	}
	if out.Weight == 0 {
		out.Weight = 1
	}
	if out.Assign == nil {
		out.Assign = Balance
	}
	if out.Failed == nil {
		out.Failed = func(_ string, attempt int, _ error) (time.Duration, bool) {
			return min(time.Second<<min(attempt-1, 6), time.Minute), true
		}
	}
	if out.Subscription == nil {
		out.Subscription = func(string) subscription.Options { return subscription.Options{} }
	}
	return out, out.check()
}

func (o *Options) check() error {
	switch {
	case o.TTL < 10*time.Millisecond:
		return fmt.Errorf("group: TTL is %v, it must be at least 10 ms", o.TTL)
	case o.DrainPatience < 0 || o.DrainPatience > o.TTL/2:
		return fmt.Errorf("group: DrainPatience is %v, it must be between 0 and half the TTL, which is %v", o.DrainPatience, o.TTL/2)
	case o.Weight < 0 || o.Weight > maxWeight:
		return fmt.Errorf("group: Weight is %d, it must be between 0 and %d", o.Weight, maxWeight)
	}
	return nil
}
