package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/redisstore"
)

const sample = "orders-projection/000000"

// A form is a way to keep one checkpoint, as commands to send for each key:
// where a word holds the sample's number, it is the key's.
type form struct {
	name  string
	words []any
}

// forms takes the store's own layout from what the store writes.
func forms(ctx context.Context, client *redis.Client) ([]form, error) {
	store := checkpoint.New(redisstore.New(client, &redisstore.Options{Namespace: "prod:"}), nil)
	at := checkpoint.Position{Commit: 1_234_567_890, Prepare: 1_234_567_890}
	var found []form
	for _, step := range []struct {
		name string
		opts []checkpoint.WriteOption
	}{
		{"the store's hash", nil},
		{"the store's hash with an epoch", []checkpoint.WriteOption{checkpoint.Epoch(7)}},
	} {
		if err := store.Set(ctx, sample, at, step.opts...); err != nil {
			return nil, err
		}
		f, err := copyOf(ctx, client, step.name, "prod:checkpoint:*")
		if err != nil {
			return nil, err
		}
		found = append(found, f)
	}
	fence, err := copyOf(ctx, client, "its fence, where there is an epoch", "prod:checkpoint-*")
	if err != nil {
		return nil, err
	}
	key := "prod:checkpoint:" + sample
	return append(found, fence,
		form{"the same fields in a JSON string", []any{"set", key, fmt.Sprintf(`{"commit":"%d","prepare":"%d","updatedAt":"%s"}`, at.Commit, at.Prepare, updatedAt)}},
		form{"the string commit@prepare", []any{"set", key, fmt.Sprintf("%d@%d", at.Commit, at.Prepare)}},
	), nil
}

// copyOf makes a form of the one hash whose key matches.
func copyOf(ctx context.Context, client *redis.Client, name, match string) (form, error) {
	keys, _, err := client.Scan(ctx, 0, match, 1000).Result()
	if err != nil {
		return form{}, err
	}
	if len(keys) != 1 {
		return form{}, fmt.Errorf("the store made the keys %q for one checkpoint", keys)
	}
	fields, err := client.HGetAll(ctx, keys[0]).Result()
	if err != nil {
		return form{}, err
	}
	f := form{name, []any{"hset", keys[0]}}
	for field, value := range fields {
		f.words = append(f.words, field, value)
	}
	return f, nil
}

func measureForms(ctx context.Context, client *redis.Client, r *report) error {
	keys := min(r.set.keys, 100_000)
	if err := client.FlushAll(ctx).Err(); err != nil {
		return err
	}
	all, err := forms(ctx, client)
	if err != nil {
		return err
	}
	table := [][]string{{"form", "bytes a key"}}
	for _, f := range all {
		if err := client.FlushAll(ctx).Err(); err != nil {
			return err
		}
		before, err := usedMemory(ctx, client, r.set)
		if err != nil {
			return err
		}
		if err := f.fill(ctx, client, keys); err != nil {
			return err
		}
		after, err := usedMemory(ctx, client, r.set)
		if err != nil {
			return err
		}
		table = append(table, []string{f.name, fmt.Sprintf("%.0f", float64(after-before)/float64(keys))})
	}
	r.table("forms", table)
	return nil
}

func (f form) fill(ctx context.Context, client *redis.Client, keys int) error {
	for start := 0; start < keys; start += 1000 {
		pipe := client.Pipeline()
		for i := start; i < min(start+1000, keys); i++ {
			words := slices.Clone(f.words)
			words[1] = strings.Replace(words[1].(string), "000000", fmt.Sprintf("%06d", i), 1)
			pipe.Do(ctx, words...)
		}
		if _, err := pipe.Exec(ctx); err != nil {
			return err
		}
	}
	return nil
}

// usedMemory waits until the server has done what it does later: freeing, and
// moving to a larger table.
func usedMemory(ctx context.Context, client *redis.Client, set settings) (int64, error) {
	wait := 500 * time.Millisecond
	if set.short {
		wait /= 50
	}
	for last := int64(-1); ; {
		info, err := client.InfoMap(ctx, "memory").Result()
		if err != nil {
			return 0, err
		}
		used, err := strconv.ParseInt(info["Memory"]["used_memory"], 10, 64)
		if err != nil {
			return 0, err
		}
		const noise = 4096
		if last >= 0 && max(used-last, last-used) <= noise {
			return used, nil
		}
		last = used
		select {
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		case <-time.After(wait):
		}
	}
}
