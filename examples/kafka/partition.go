package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/subscription"
)

type consumer struct {
	store    *checkpoint.Store
	brokers  []string
	topic    string
	firstRun bool
	handle   func(context.Context, *kgo.Record) error
}

// position returns the position of the record at an offset. Offsets begin at 0, and the
// zero position is before everything.
func position(offset int64) checkpoint.Position {
	return checkpoint.Position{Commit: uint64(offset) + 1, Prepare: uint64(offset) + 1}
}

// partition consumes one partition, whose checkpoint has a key of its own.
func (c consumer) partition(ctx context.Context, partition int32) (err error) {
	opts := &subscription.Options{Head: c.head(partition)}
	if opts.LogID, err = c.topicID(ctx); err != nil {
		return err
	}
	if c.firstRun {
		opts.Missing = subscription.FromStart
	}
	s, err := subscription.Open(ctx, c.store, fmt.Sprintf("%s/%d", c.topic, partition), opts)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close(context.WithoutCancel(ctx))) }()

	after, _ := s.Resume() // the zero position is the start
	read := func(ctx context.Context) iter.Seq2[*kgo.Record, error] { return c.read(ctx, partition, after) }
	return subscription.Run(ctx, s, read, subscription.Handler[*kgo.Record]{
		Position:    func(r *kgo.Record) checkpoint.Position { return position(r.Offset) },
		OrderingKey: func(r *kgo.Record) string { return string(r.Key) },
		Handle:      c.handle,
		Workers:     8,
		Retry:       subscription.Backoff(time.Second, time.Minute, 5),
	})
}

// read yields the records after a position.
func (c consumer) read(ctx context.Context, partition int32, after checkpoint.Position) iter.Seq2[*kgo.Record, error] {
	from := kgo.NewOffset().AtStart()
	if after.Commit > 0 {
		from = kgo.NewOffset().At(int64(after.Commit)) // {n+1, n+1} says that offset n is done
	}
	return func(yield func(*kgo.Record, error) bool) {
		client, err := c.client(
			kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{c.topic: {partition: from}}),
			// By default, if the records at a client's offset were deleted, the client
			// goes on with the records that are left.
			kgo.ConsumeResetOffset(kgo.NoResetOffset()),
			kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		)
		if err != nil {
			yield(nil, err)
			return
		}
		defer client.Close()
		for ctx.Err() == nil {
			fetches := client.PollFetches(ctx)
			for r := range fetches.RecordsAll() {
				if !yield(r, nil) {
					return
				}
			}
			if err := fetches.Err(); err != nil && ctx.Err() == nil {
				yield(nil, err)
				return
			}
		}
	}
}

func (c consumer) client(opts ...kgo.Opt) (*kgo.Client, error) {
	return kgo.NewClient(append(opts, kgo.SeedBrokers(c.brokers...))...)
}

// topicID returns the topic's ID, which changes if the topic is deleted and
// made anew.
func (c consumer) topicID(ctx context.Context) (string, error) {
	client, err := c.client()
	if err != nil {
		return "", err
	}
	defer client.Close()
	topics, err := kadm.NewClient(client).ListTopics(ctx, c.topic)
	if err != nil {
		return "", err
	}
	return topics[c.topic].ID.String(), topics[c.topic].Err
}

// head returns the position of the last record. That record's offset is the end
// offset minus 1, so its position is {end, end}.
func (c consumer) head(partition int32) func(context.Context) (checkpoint.Position, error) {
	return func(ctx context.Context) (checkpoint.Position, error) {
		client, err := c.client()
		if err != nil {
			return checkpoint.Position{}, err
		}
		defer client.Close()
		ends, err := kadm.NewClient(client).ListEndOffsets(ctx, c.topic)
		if err != nil {
			return checkpoint.Position{}, err
		}
		end, ok := ends.Lookup(c.topic, partition)
		if !ok {
			return checkpoint.Position{}, fmt.Errorf("topic %q has no partition %d", c.topic, partition)
		}
		return checkpoint.Position{Commit: uint64(end.Offset), Prepare: uint64(end.Offset)}, end.Err
	}
}
