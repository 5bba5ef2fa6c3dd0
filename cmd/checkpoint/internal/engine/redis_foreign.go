package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/cmd/checkpoint/internal/doctor"
)

// bigKey is far more than a checkpoint or a fence has.
const bigKey = 16 << 10

// foreignKeys reports keys that have the store's names and are not the store's.
func (p *redisPatient) foreignKeys(ctx context.Context, r *doctor.Report) {
	const check = "foreign-keys"
	var odd, big doctor.Keys
	types := map[string][]string{p.opts.Namespace + "checkpoint:": {"hash", "string"}, p.opts.Namespace + "checkpoint-fence:": {"hash"}}
	if p.opts.Prefix != "" {
		types = map[string][]string{p.opts.Prefix: {"hash", "string"}}
	}
	for _, m := range p.masters {
		for prefix, ours := range types {
			if err := look(ctx, m.client, prefix, ours, &odd, &big); err != nil {
				r.Unknown(check, err, "let the user call SCAN, TYPE and MEMORY USAGE")
				return
			}
		}
	}
	const remedy = "find the program that writes them, and give it names of its own"
	if odd.Len() > 0 {
		r.Fail(check, fmt.Sprintf("%s the store's names, and no type of the store: %s", doctor.Counted(odd.Len(), "key has", "keys have"), &odd), remedy)
	}
	if big.Len() > 0 {
		r.Warn(check, fmt.Sprintf("%s the store's names, and more than %s: %s", doctor.Counted(big.Len(), "key has", "keys have"), doctor.Bytes(bigKey), &big), remedy)
	}
	if odd.Len()+big.Len() == 0 {
		r.OK(check, "no key at the store's names has a wrong type, or more than %s", doctor.Bytes(bigKey))
	}
}

// look walks the keys with a prefix, which should have one of the types.
func look(ctx context.Context, client *redis.Client, prefix string, types []string, odd, big *doctor.Keys) error {
	for cursor := uint64(0); ; {
		keys, next, err := client.Scan(ctx, cursor, checkpoint.QuotePattern(prefix)+"*", 1000).Result()
		if err != nil {
			return err
		}
		if err := lookAt(ctx, client, keys, types, odd, big); err != nil {
			return err
		}
		if cursor = next; cursor == 0 {
			return nil
		}
	}
}

func lookAt(ctx context.Context, client *redis.Client, keys, ours []string, odd, big *doctor.Keys) error {
	if len(keys) == 0 {
		return nil
	}
	types, sizes := make([]*redis.StatusCmd, len(keys)), make([]*redis.IntCmd, len(keys))
	_, err := client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for i, key := range keys {
			types[i], sizes[i] = pipe.Type(ctx, key), pipe.MemoryUsage(ctx, key)
		}
		return nil
	})
	if err != nil && !errors.Is(err, redis.Nil) {
		return err
	}
	for i, key := range keys {
		switch kind := types[i].Val(); {
		case kind == "none": // it has gone meanwhile
		case !slices.Contains(ours, kind):
			odd.Add(key)
		case sizes[i].Val() > bigKey:
			big.Add(key)
		}
	}
	return nil
}
