package main

import (
	"context"
	"fmt"
	"iter"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/subscription"
)

// position returns the position of the record at an offset. Offsets begin at 0, and the
// zero position is before everything.
func position(offset int64) checkpoint.Position {
	return checkpoint.Position{Commit: uint64(offset) + 1, Prepare: uint64(offset) + 1}
}

// options returns those of a partition's subscription.
func (c *consumer) options(partition string) subscription.Options {
	id := c.known.Load().id
	return subscription.Options{
		LogID:       id,
		Head:        func(ctx context.Context) (checkpoint.Position, error) { return c.head(ctx, id, partition) },
		Tail:        func(ctx context.Context) (checkpoint.Position, error) { return c.tail(ctx, partition) },
		Missing:     subscription.FromStart, // the partition is new: see checkFirstRun
		MaxInFlight: 200,                    // of the 1000 of all partitions
		Logger:      c.group.Logger,
	}
}

// partition consumes a partition until the partition is to move.
func (c *consumer) partition(ctx context.Context, partition string, s *subscription.Subscription) error {
	after, _ := s.Resume()
	read := func(ctx context.Context) iter.Seq2[*kgo.Record, error] { return c.read(ctx, number(partition), after) }
	return subscription.Run(ctx, s, read, subscription.Handler[*kgo.Record]{
		Position:    func(r *kgo.Record) checkpoint.Position { return position(r.Offset) },
		OrderingKey: func(r *kgo.Record) string { return string(r.Key) },
		Handle:      c.handle,
		Workers:     8,
		Shared:      c.shared,
		Retry:       subscription.Backoff(time.Second, time.Minute, 5),
	})
}

// read yields the records after a position. Kafka's own consumer groups do not know the
// client, which has the partition by hand.
func (c *consumer) read(ctx context.Context, partition int32, after checkpoint.Position) iter.Seq2[*kgo.Record, error] {
	from := kgo.NewOffset().At(int64(after.Commit)) // {n+1, n+1} says that offset n is done
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

// head returns the position of the last record. That record's offset is the end
// offset minus 1, so its position is {end, end}. If the topic has another ID by now, head
// fails: the offsets are those of another log.
func (c *consumer) head(ctx context.Context, id, partition string) (checkpoint.Position, error) {
	if err := c.ask(ctx); err != nil {
		return checkpoint.Position{}, err
	}
	if now := c.known.Load().id; now != id {
		return checkpoint.Position{}, fmt.Errorf("%w: topic %q was made anew, with the ID %s in place of %s", subscription.ErrOtherLog, c.topic, now, id)
	}
	ends, err := c.admin.ListEndOffsets(ctx, c.topic)
	if err != nil {
		return checkpoint.Position{}, err
	}
	end, ok := ends.Lookup(c.topic, number(partition))
	if !ok {
		return checkpoint.Position{}, fmt.Errorf("topic %q has no partition %s", c.topic, partition)
	}
	return checkpoint.Position{Commit: uint64(end.Offset), Prepare: uint64(end.Offset)}, end.Err
}

// tail returns the position of the first record that Kafka still has.
func (c *consumer) tail(ctx context.Context, partition string) (checkpoint.Position, error) {
	starts, err := c.admin.ListStartOffsets(ctx, c.topic)
	if err != nil {
		return checkpoint.Position{}, err
	}
	start, ok := starts.Lookup(c.topic, number(partition))
	if !ok {
		return checkpoint.Position{}, fmt.Errorf("topic %q has no partition %s", c.topic, partition)
	}
	return position(start.Offset), start.Err
}

// number returns the number of a partition, of which ask has made the name.
func number(partition string) int32 {
	n, _ := strconv.ParseInt(partition, 10, 32)
	return int32(n)
}
