package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/redis/go-redis/v9"
)

const floorKeys = 1024

// floors shows how the store's script compares with less than it.
func (l *redisLimits) floors(ctx context.Context, r *report) error {
	if err := l.fill(ctx, floorKeys); err != nil {
		return err
	}
	alone := *l
	alone.clients, alone.pipeline = 1, 1
	rows := []struct {
		name   string
		limits *redisLimits
		args   []string
	}{
		{"the store's script", l, l.write()},
		{"the store's script with an epoch and a fence", l, l.fencedWrite()},
		{"a script of an unconditional HGET and HSET", l, l.call(l.parts.hget)},
		{"HSET of the same fields", l, writeFields},
		{"HMGET of the fields", l, readFields},
		{"PTTL", l, readTTL},
		{"HGETALL", l, readAll},
		{"the store's script, 1 connection, 1 in flight", &alone, l.write()},
	}
	best := make(rates)
	for range r.set.rounds {
		for _, row := range rows {
			rate, err := row.limits.rate(ctx, floorKeys, row.args...)
			if err != nil {
				return err
			}
			best.raise(row.name, rate)
		}
	}
	table := [][]string{{"redis-benchmark", "per second", "the store's script over it"}}
	for _, row := range rows {
		table = append(table, []string{row.name, rounded(best[row.name]), ratio(best[rows[0].name] / best[row.name])})
	}
	r.table("floors", table)
	return nil
}

// A load is a script as it is called again and again.
type load struct {
	name   string
	target string // if one is set for it
	send   func(ctx context.Context, calls int) error
	best   float64 // microseconds of the server's processor time a call
}

// scripts compares the script with one that decides nothing by the processor
// time that the server says it took, which other processes do not change.
func (l *redisLimits) scripts(ctx context.Context, r *report) error {
	newer := &load{name: "the store's, a newer position", target: "script-grows", send: l.growing(l.script)}
	groups := [][]*load{
		{
			{name: "HGET and HSET, the same values", send: l.same(l.call(l.parts.hget))},
			{name: "nothing", send: l.same(l.call(l.parts.nothing))},
			{name: "HMGET of three fields, and HSET", send: l.same(l.call(l.parts.hmget))},
			{name: "HMGET, HSET and PERSIST", send: l.same(l.call(l.parts.persist))},
			{name: "the store's, an equal position", target: "script-equal", send: l.same(l.write())},
			{name: "the store's, an equal position and an epoch", send: l.same(l.fencedWrite())},
		},
		{
			{name: "HGET and HSET, other values", send: l.growing(l.parts.hget)},
			newer,
			{name: "the store's, a newer position and an epoch", target: "script-fenced", send: l.growing(l.script, "0", "7")},
		},
	}
	const times = 200 // of what a round of redis-benchmark would do at least
	calls := max(10*l.clients*l.pipeline, int(l.each.Seconds()*times*1000))
	for range 2 * r.set.rounds {
		for _, load := range slices.Concat(groups...) {
			if err := load.measure(ctx, l.client, calls); err != nil {
				return err
			}
		}
	}
	table := [][]string{{"script", "processor time a call, µs", "HGET and HSET over it"}}
	for _, loads := range groups {
		plain := loads[0].best
		for _, load := range loads {
			table = append(table, []string{load.name, rounded(load.best), ratio(plain / load.best)})
			if load.target != "" {
				r.compare(load.target, plain, load.best)
			}
		}
	}
	r.newerMicros = newer.best
	r.table("scripts", table)
	return nil
}

func (d *load) measure(ctx context.Context, client *redis.Client, calls int) error {
	before, err := processorTime(ctx, client)
	if err != nil {
		return err
	}
	if err := d.send(ctx, calls); err != nil {
		return err
	}
	after, err := processorTime(ctx, client)
	if err != nil {
		return err
	}
	each := (after - before) * 1e6 / float64(calls)
	if each <= 0 {
		return fmt.Errorf("the server took no processor time for %d calls of %s", calls, d.name)
	}
	if d.best == 0 || each < d.best {
		d.best = each
	}
	return nil
}

// processorTime is what the server has used, in seconds.
func processorTime(ctx context.Context, client *redis.Client) (float64, error) {
	info, err := client.InfoMap(ctx, "cpu").Result()
	if err != nil {
		return 0, err
	}
	total := 0.0
	for _, name := range []string{"used_cpu_user", "used_cpu_sys"} {
		seconds, err := strconv.ParseFloat(info["CPU"][name], 64)
		if err != nil {
			return 0, fmt.Errorf("INFO cpu: %s: %w", name, err)
		}
		total += seconds
	}
	return total, nil
}

// same sends by redis-benchmark, which cannot let a position grow.
func (l *redisLimits) same(args []string) func(ctx context.Context, calls int) error {
	return func(ctx context.Context, calls int) error {
		_, err := l.benchmark(ctx, floorKeys, calls, args)
		return err
	}
}

// growing sends pipelines in which each position is newer than the one before.
func (l *redisLimits) growing(script string, more ...any) func(ctx context.Context, calls int) error {
	return func(ctx context.Context, calls int) error {
		for sent := 0; sent < calls; {
			pipe := l.client.Pipeline()
			for range l.pipeline {
				l.position++
				n := strconv.Itoa(l.position)
				name := fmt.Sprintf("checkpoint:consumer/%012d", l.position%floorKeys)
				keys := []string{name}
				if len(more) > 0 {
					keys = append(keys, "checkpoint-fence:{"+name+"}")
				}
				pipe.EvalSha(ctx, script, keys, append([]any{n, n, updatedAt}, more...)...)
				sent++
			}
			if _, err := pipe.Exec(ctx); err != nil {
				return err
			}
		}
		return nil
	}
}
