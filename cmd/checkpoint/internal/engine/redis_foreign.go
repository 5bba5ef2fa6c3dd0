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

// A place is where the store has keys, with the types that they may have, and far more
// bytes than they need.
type place struct {
	prefix string
	types  []string
	most   int64
}

func (p *redisPatient) places() []place {
	const small, large = 16 << 10, 1 << 20
	checkpoints := []string{"hash", "string"}
	if p.opts.Prefix != "" {
		return []place{{p.opts.Prefix, checkpoints, small}}
	}
	return []place{
		{p.opts.Namespace + "checkpoint:", checkpoints, small},
		{p.opts.Namespace + "checkpoint-fence:", []string{"hash"}, small},
		{p.opts.Namespace + "checkpoint-audit:", []string{"list"}, large},
		{p.opts.Namespace + "checkpoint-samples:", []string{"list"}, large},
		{p.opts.Namespace + "checkpoint-reports:", []string{"hash"}, large},
	}
}

// foreignKeys reports keys that have the store's names and are not the store's.
func (p *redisPatient) foreignKeys(ctx context.Context, r *doctor.Report) {
	const check = "foreign-keys"
	var odd, big doctor.Keys
	for _, m := range p.masters {
		for _, at := range p.places() {
			if err := at.look(ctx, m.client, &odd, &big); err != nil {
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
		r.Warn(check, fmt.Sprintf("%s the store's names, and far more bytes than the store needs: %s", doctor.Counted(big.Len(), "key has", "keys have"), &big), remedy)
	}
	if odd.Len()+big.Len() == 0 {
		r.OK(check, "no key at the store's names has a wrong type, or is too big")
	}
}

// look walks the keys of a server.
func (at place) look(ctx context.Context, client *redis.Client, odd, big *doctor.Keys) error {
	for cursor := uint64(0); ; {
		keys, next, err := client.Scan(ctx, cursor, checkpoint.QuotePattern(at.prefix)+"*", 1000).Result()
		if err != nil {
			return err
		}
		if err := at.lookAt(ctx, client, keys, odd, big); err != nil {
			return err
		}
		if cursor = next; cursor == 0 {
			return nil
		}
	}
}

func (at place) lookAt(ctx context.Context, client *redis.Client, keys []string, odd, big *doctor.Keys) error {
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
		case !slices.Contains(at.types, kind):
			odd.Add(key)
		case sizes[i].Val() > at.most:
			big.Add(key)
		}
	}
	return nil
}
