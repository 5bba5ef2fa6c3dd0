package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint"
)

type event struct {
	position checkpoint.Position // the ID: milliseconds, sequence
	customer string
	cents    int64
}

// events reads the stream after a position, and waits for more.
func events(ctx context.Context, client *redis.Client, stream string, after checkpoint.Position) iter.Seq2[event, error] {
	return func(yield func(event, error) bool) {
		for ctx.Err() == nil {
			read, err := client.XRead(ctx, &redis.XReadArgs{
				Streams: []string{stream},
				ID:      id(after),
				Count:   100,
				Block:   200 * time.Millisecond, // then it looks whether it shall end
			}).Result()
			if errors.Is(err, redis.Nil) {
				continue // nothing new
			}
			if err == nil {
				err = checkStream(ctx, client, stream, after) // or trimmed events would be skipped
			}
			if err != nil {
				yield(event{}, err)
				return
			}
			for _, m := range read[0].Messages {
				e, err := parse(m)
				if !yield(e, err) || err != nil {
					return
				}
				after = e.position
			}
		}
	}
}

func parse(m redis.XMessage) (event, error) {
	p, err := checkpoint.ParsePosition(m.ID)
	if err != nil {
		return event{}, err
	}
	customer, _ := m.Values["customer"].(string)
	text, _ := m.Values["cents"].(string)
	cents, err := strconv.ParseInt(text, 10, 64)
	if err != nil || customer == "" {
		return event{}, fmt.Errorf("event %s is not an order: %v", m.ID, m.Values)
	}
	return event{p, customer, cents}, nil
}

// checkStream fails if the stream no longer holds the event at p, which is the
// event of the checkpoint or the last event that was read. The stream is then
// another stream, has lost its data, or was trimmed, perhaps past events that
// were not read. Before the first event was read, checkStream notices no trim.
func checkStream(ctx context.Context, client *redis.Client, stream string, p checkpoint.Position) error {
	if p == (checkpoint.Position{}) {
		return nil // nothing was read yet
	}
	found, err := client.XRange(ctx, stream, id(p), id(p)).Result()
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("stream %s does not hold event %s, the last that was read: "+
			"it is another stream, lost data or was trimmed too early", stream, id(p))
	}
	return err
}

func id(p checkpoint.Position) string { return fmt.Sprintf("%d-%d", p.Commit, p.Prepare) }
