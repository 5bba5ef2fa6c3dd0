package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/group"
	"github.com/checkpointstore/checkpoint/subscription"
)

// A consumer is one instance.
type consumer struct {
	store    *checkpoint.Store
	brokers  []string
	topic    string
	firstRun bool
	handle   func(context.Context, *kgo.Record) error
	group    group.Options
	askEvery time.Duration // for the topic's partitions; 0: 10 seconds

	admin  *kadm.Client
	known  atomic.Pointer[topic]
	shared *subscription.Shared
}

// A topic is what Kafka said of it last.
type topic struct {
	id         string // another one if the topic is deleted and made anew
	partitions []string
}

// run shares the topic's partitions out with the other instances until ctx ends.
func (c *consumer) run(ctx context.Context) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	defer client.Close()
	c.admin = kadm.NewClient(client)
	c.shared = subscription.NewShared(1000, 8) // all partitions together have 8 workers
	if err := c.ask(ctx); err != nil {
		return err
	}
	if err := c.checkFirstRun(ctx); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	var asking sync.WaitGroup
	asking.Go(func() { c.keepAsking(ctx) })
	defer asking.Wait()
	defer stop()

	opts := c.group
	opts.Subscription = c.options
	return group.Run(ctx, c.store, c.topic, c.partitions, &opts, c.partition)
}

// checkFirstRun makes the loss of all checkpoints an error: otherwise the consumer would
// replay the topic. Every topic has a partition 0.
func (c *consumer) checkFirstRun(ctx context.Context) error {
	if c.firstRun {
		return nil
	}
	_, err := c.store.Get(ctx, group.Key(c.topic, "0"))
	if errors.Is(err, checkpoint.ErrNotFound) {
		return fmt.Errorf("%w: if this is the first run, give -first-run: %w", subscription.ErrNoCheckpoint, err)
	}
	return err
}

// partitions is what group.Run asks, again and again: a topic may grow.
func (c *consumer) partitions(context.Context) ([]string, error) {
	return c.known.Load().partitions, nil
}

func (c *consumer) keepAsking(ctx context.Context) {
	ticks := time.NewTicker(cmp.Or(c.askEvery, 10*time.Second))
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		}
		if err := c.ask(ctx); err != nil && ctx.Err() == nil {
			slog.WarnContext(ctx, "the topic's partitions are not known, and stay as they were", "error", err)
		}
	}
}

func (c *consumer) ask(ctx context.Context) error {
	topics, err := c.admin.ListTopics(ctx, c.topic)
	if err != nil {
		return err
	}
	found := topics[c.topic]
	if found.Err != nil {
		return found.Err
	}
	t := &topic{id: found.ID.String()}
	for _, p := range found.Partitions.Numbers() {
		t.partitions = append(t.partitions, strconv.Itoa(int(p)))
	}
	c.known.Store(t)
	return nil
}

func (c *consumer) client(opts ...kgo.Opt) (*kgo.Client, error) {
	return kgo.NewClient(append(opts, kgo.SeedBrokers(c.brokers...))...)
}
