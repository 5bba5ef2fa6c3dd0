package group_test

import (
	"context"
	"maps"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/group"
	"github.com/checkpointstore/checkpoint/memstore"
	"github.com/checkpointstore/checkpoint/subscription"
)

// A bench runs members over one engine, in a bubble.
type bench struct {
	*testing.T
	engine *memstore.Driver
	cables state // of the next members
	deaf   bool  // so are the next members' cables
	mu     sync.Mutex
	works  map[string]string // who works on a partition
	moves  []string
}

// A runner is a member that runs.
type runner struct {
	*cable
	stop context.CancelFunc
	done chan error
}

func bubble(t *testing.T, f func(b *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f(&bench{T: t, engine: memstore.New(), works: make(map[string]string)})
	})
}

func fromStart(string) subscription.Options {
	return subscription.Options{Missing: subscription.FromStart, ReportEvery: -1}
}

// start runs a member on partitions 0 to n-1.
func (b *bench) start(n int, opts group.Options) *runner {
	b.Helper()
	return b.run(group.Fixed(numbered(n)...), opts, b.consume(opts.Member))
}

func (b *bench) run(
	partitions func(context.Context) ([]string, error), opts group.Options,
	consume func(context.Context, string, *subscription.Subscription) error,
) *runner {
	b.Helper()
	ctx, stop := context.WithCancel(context.Background())
	r := &runner{cable: &cable{Driver: b.engine, state: b.cables, deaf: b.deaf, changed: make(chan struct{})}, stop: stop, done: make(chan error, 1)}
	b.Cleanup(stop)
	opts.TTL = ttl
	if opts.Subscription == nil {
		opts.Subscription = fromStart
	}
	go func() { r.done <- group.Run(ctx, checkpoint.New(r.cable, nil), "g", partitions, &opts, consume) }()
	return r
}

// consume works until it is to stop.
func (b *bench) consume(member string) func(context.Context, string, *subscription.Subscription) error {
	return func(ctx context.Context, partition string, s *subscription.Subscription) error {
		b.begin(member, partition)
		defer b.end(partition)
		select {
		case <-ctx.Done():
		case <-s.Context().Done():
		}
		return nil
	}
}

func (b *bench) begin(member, partition string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if other := b.works[partition]; other != "" {
		b.Errorf("%s begins partition %s while %s works on it", member, partition, other)
	}
	b.works[partition] = member
	b.moves = append(b.moves, partition+" to "+member)
}

func (b *bench) end(partition string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.works, partition)
}

// numbersOf says how many partitions each member works on.
func (b *bench) numbersOf() map[string]int {
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	return counts(b.works)
}

func (b *bench) want(want map[string]int) {
	b.Helper()
	if got := b.numbersOf(); !maps.Equal(got, want) {
		b.Errorf("the members work on %v partitions, want %v", got, want)
	}
}

func (b *bench) moved() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := len(b.moves)
	b.moves = nil
	return n
}

func (r *runner) ends(b *bench) error {
	b.Helper()
	r.stop()
	return <-r.done
}
