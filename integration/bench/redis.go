package main

import (
	"context"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/integration/rivals"
	"github.com/checkpointstore/checkpoint/internal/redistest"
	"github.com/checkpointstore/checkpoint/redisstore"
)

func measureRedis(ctx context.Context, h *host, r *report) error {
	server := redistest.Start(h, "appendonly no")
	client := redis.NewClient(&redis.Options{Addr: server.Addr(), ReadTimeout: -1})
	defer client.Close()
	limits, err := newRedisLimits(ctx, server, client, r.set.each)
	if err != nil {
		return err
	}
	c := contest{
		folder: "redisstore",
		rivals: []rival{{"goredis", "plain go-redis"}, {"rueidis", "rueidis"}},
		limit:  limits.of,
	}
	if err := c.run(ctx, h, r.set); err != nil {
		return err
	}
	r.table("redis", c.table())
	c.summarize(r, "Redis")
	r.chart("throughput-redis", c.throughput("Redis: writes over concurrency", "redis-benchmark"))
	r.compare("redis-alone", r.rate(c.ours, single+"1"), r.rate(c.theirs["goredis"], single+"1"))
	for id, name := range map[string]string{"redis-256": single + "256", "redis-1024": single + "1024", "redis-batch": "Apply/batch=1000"} {
		r.writes[id] = r.rate(c.ours, name)
		r.compare(id, r.writes[id], r.rate(c.limits, name))
	}
	for _, step := range []struct {
		name string
		do   func() error
	}{
		{"redis-benchmark", func() error { return limits.floors(ctx, r) }},
		{"the script", func() error { return limits.scripts(ctx, r) }},
		{"latency", func() error { return redisLatency(ctx, r, client, server.Addr()) }},
		{"more and more keys", func() error { return redisCosts(ctx, r, client) }},
		{"all keys, and another client", func() error { return measureMillion(ctx, r, limits) }},
		{"memory", func() error { return measureForms(ctx, client, r) }},
	} {
		r.progress("redis: " + step.name)
		if err := step.do(); err != nil {
			return err
		}
	}
	return nil
}

// of is the limit of one of the store's benchmarks.
func (l *redisLimits) of(ctx context.Context, benchmark string) (float64, error) {
	const allKeys = 10_000 // that GetAll reads
	_, param, _ := strings.Cut(benchmark, "=")
	keys, err := strconv.Atoi(param)
	if err != nil {
		keys = allKeys
	}
	if isWrite(benchmark) {
		return l.rate(ctx, keys, l.write()...)
	}
	if err := l.fill(ctx, keys); err != nil {
		return 0, err
	}
	// redis-benchmark sends one kind of command only, a read takes two.
	fields, err := l.rate(ctx, keys, readFields...)
	if err != nil {
		return 0, err
	}
	ttl, err := l.rate(ctx, keys, readTTL...)
	if err != nil {
		return 0, err
	}
	return 1 / (1/fields + 1/ttl), nil
}

func redisLatency(ctx context.Context, r *report, client *redis.Client, addr string) error {
	connect := func(ctx context.Context) (*redis.Client, error) {
		return redis.NewClient(&redis.Options{Addr: addr}), client.FlushAll(ctx).Err()
	}
	return measureLatency(ctx, r, "latency-redis", "Redis: how long a write takes",
		contender{"this store", func(ctx context.Context) (driver.Driver, error) {
			own, err := connect(ctx)
			return closing{redisstore.New(own, nil), own}, err
		}},
		contender{"plain go-redis", func(ctx context.Context) (driver.Driver, error) {
			own, err := connect(ctx)
			return rivals.NewGoRedis(own), err
		}},
	)
}

// closing closes the client, too, which is its caller's.
type closing struct {
	*redisstore.Driver
	client *redis.Client
}

func (c closing) Close() error {
	err := c.Driver.Close()
	if clientErr := c.client.Close(); err == nil {
		err = clientErr
	}
	return err
}

// redisCosts fills the server with more and more checkpoints.
func redisCosts(ctx context.Context, r *report, client *redis.Client) error {
	before := int64(0)
	open := func() *checkpoint.Store { return checkpoint.New(redisstore.New(client, nil), nil) }
	costs, err := measureCosts(ctx, r, sized{
		open: func(ctx context.Context) (store *checkpoint.Store, err error) {
			if err := client.FlushAll(ctx).Err(); err != nil {
				return nil, err
			}
			if before, err = usedMemory(ctx, client, r.set); err != nil {
				return nil, err
			}
			return open(), nil
		},
		bytes: func(ctx context.Context) (int64, error) {
			after, err := usedMemory(ctx, client, r.set)
			return after - before, err
		},
		reopen: func(context.Context) (*checkpoint.Store, error) { return open(), nil },
	})
	if err != nil {
		return err
	}
	return r.showCosts("keys-redis", "Redis: what a checkpoint costs as there are more", "bytes of memory", costs)
}
