package main

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/integration/rivals"
	"github.com/checkpointstore/checkpoint/internal/benchtest"
	"github.com/checkpointstore/checkpoint/internal/redistest"
	"github.com/checkpointstore/checkpoint/redisstore"
)

func besideGoRedis(b *testing.B) {
	b.Helper()
	e, server := redisEngine(b)
	alternate(b, advance(b.Context(), e.open(b, "store", server.Addr()), 1), advance(b.Context(), e.open(b, "goredis", server.Addr()), 1))
}

// besideLimit measures beside redis-benchmark with as many keys and enough connections that
// the server is never idle: 50, as redis-benchmark has if nobody says a number.
func besideLimit(n int, ours func(context.Context, *checkpoint.Store, int) side) func(*testing.B) {
	return func(b *testing.B) {
		b.Helper()
		e, server := redisEngine(b)
		script := limitScript(server)
		alternate(b, ours(b.Context(), e.open(b, "store", server.Addr()), n), func(b *testing.B) float64 {
			b.Helper()
			const requests = 30_000 // a turn
			return redisBenchmark(b, server, requests, n, 50, 64, script)
		})
	}
}

func besideRueidis(n int) func(*testing.B) {
	return func(b *testing.B) {
		b.Helper()
		e, server := redisEngine(b)
		var sides [2]side
		for i, name := range []string{"store", "rueidis"} {
			var err error
			if sides[i], err = read(b.Context(), e.open(b, name, server.Addr()), n); err != nil {
				b.Fatal(err)
			}
		}
		alternate(b, sides[0], sides[1])
	}
}

// besideHGETALL reads a large store.
func besideHGETALL(b *testing.B) {
	b.Helper()
	e, server := redisEngine(b)
	client := redis.NewClient(&redis.Options{Addr: server.Addr()})
	plain := checkpoint.New(hgetall{rivals.NewGoRedis(client), client}, nil)
	defer plain.Close()
	alternate(b, walk(b, e.open(b, "store", server.Addr())), walk(b, plain))
}

// hgetall reads whole hashes, a pipeline for each page of SCAN.
type hgetall struct {
	*rivals.GoRedis
	client *redis.Client
}

func (d hgetall) Get(ctx context.Context, keys []string) ([]driver.Record, error) {
	pipe, answers := d.client.Pipeline(), make([]*redis.MapStringStringCmd, len(keys))
	for i, key := range keys {
		answers[i] = pipe.HGetAll(ctx, "rival:"+key)
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return nil, err
	}
	records := make([]driver.Record, len(keys))
	for i, a := range answers {
		records[i].Key = keys[i]
		fields := a.Val()
		commit, err := strconv.ParseUint(fields["commit"], 10, 64)
		if err != nil {
			return nil, err
		}
		prepare, err := strconv.ParseUint(fields["prepare"], 10, 64)
		if err != nil {
			return nil, err
		}
		records[i].Position = driver.Position{Commit: commit, Prepare: prepare}
	}
	return records, nil
}

// measureWalk measures how long the server is busy with one command while somebody reads a
// large store.
func measureWalk(b *testing.B) {
	b.Helper()
	e, server := redisEngine(b)
	turn := walk(b, e.open(b, "store", server.Addr()))
	turn(b) // opens the connections
	server.Do("CONFIG", "RESETSTAT")
	for b.Loop() {
		turn(b)
	}
	b.ReportMetric(slowestCommand(b, server, "p99"), p99)
}

func besideNoReplicas(b *testing.B) {
	b.Helper()
	master := redistest.Start(b, "appendonly no")
	redistest.StartReplica(b, master)
	redistest.StartReplica(b, master)
	var sides [2]side
	for i, opts := range []redisstore.Options{
		{Namespace: "with:", MinReplicas: 2, ReplicaTimeout: 2 * time.Second}, {Namespace: "without:"},
	} {
		d, err := redisstore.New(redis.NewClient(&redis.Options{Addr: master.Addr()}), &opts)
		if err != nil {
			b.Fatal(err)
		}
		store := checkpoint.New(d, nil)
		defer store.Close()
		sides[i] = advance(b.Context(), store, 64)
		// A new replica takes up to a second until it acknowledges anything.
		if err := store.Set(b.Context(), "first", checkpoint.Position{}); err != nil {
			b.Fatal(err)
		}
	}
	alternate(b, sides[0], sides[1])
}

// besideScript measures the processor time of the server. Each batch is a multiple of 32.
func besideScript(epoch uint64) func(*testing.B) {
	return func(b *testing.B) {
		b.Helper()
		const batch = 32 * 32
		e, server := redisEngine(b)
		busy := func() float64 {
			return info(b, server, "cpu", "used_cpu_user") + info(b, server, "cpu", "used_cpu_sys")
		}
		onServer := func(write func() error) side {
			return func(b *testing.B) float64 {
				b.Helper()
				before, writes := busy(), 0
				for start := time.Now(); time.Since(start) < turnTime; writes += batch {
					if err := write(); err != nil {
						b.Fatal(err)
					}
				}
				return float64(writes) / (busy() - before)
			}
		}
		client := redis.NewClient(&redis.Options{Addr: server.Addr()})
		defer client.Close()
		alternate(b, onServer(batches(b.Context(), e.open(b, "store", server.Addr()), batch, epoch)),
			onServer(unconditional(b.Context(), client, benchtest.Keys(batch))))
	}
}

// unconditional returns what runs, for each key, a script that compares nothing.
func unconditional(ctx context.Context, client *redis.Client, keys []string) func() error {
	script, last := redis.NewScript(`
redis.call('HGET', KEYS[1], 'commit')
redis.call('HSET', KEYS[1], 'commit', ARGV[1], 'prepare', ARGV[2], 'updatedAt', ARGV[3])
return 1`), 0
	return func() error {
		if last++; last == 1 {
			if err := script.Load(ctx, client).Err(); err != nil {
				return err
			}
		}
		now, pipe := time.Now().UTC().Format(driver.TimeLayout), client.Pipeline()
		for _, key := range keys {
			pipe.EvalSha(ctx, script.Hash(), []string{"rival:" + key}, strconv.Itoa(last), strconv.Itoa(last), now)
		}
		_, err := pipe.Exec(ctx)
		return err
	}
}
