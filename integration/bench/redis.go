package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint/internal/redistest"
)

func measureRedis(ctx context.Context, h *host, set settings, out io.Writer) error {
	server := redistest.Start(h, "appendonly no")
	client := redis.NewClient(&redis.Options{Addr: server.Addr()})
	defer client.Close()
	limits, err := newRedisLimits(ctx, server, client, set.each)
	if err != nil {
		return err
	}
	var failed error
	err = measureStore(ctx, h, set, "redisstore", func(found []measurement) map[string]float64 {
		byName := make(map[string]float64)
		for _, m := range found {
			if byName[m.name], failed = limits.of(ctx, m.name); failed != nil {
				break
			}
		}
		return byName
	}, []rival{{"goredis", "plain go-redis"}, {"rueidis", "rueidis"}}, out)
	if failed != nil {
		return failed
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "\nWhat the server itself can do, over %d random keys:\n\n", floorKeys)
	if err := limits.writeFloors(ctx, out); err != nil {
		return err
	}
	fmt.Fprintf(out, "\nMemory: used_memory of the server for each of %s keys, with the key and the server's own table.\n\n", rounded(float64(set.keys)))
	return writeMemory(ctx, client, set.keys, out)
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

const floorKeys = 1024

// writeFloors shows how the store's script compares with less than it.
func (l *redisLimits) writeFloors(ctx context.Context, out io.Writer) error {
	if err := l.fill(ctx, floorKeys); err != nil {
		return err
	}
	alone := *l
	alone.clients, alone.pipeline = 1, 1
	script := 0.0
	table := [][]string{{"redis-benchmark", "per second", "the store's script over it"}}
	for _, f := range []struct {
		name   string
		limits *redisLimits
		args   []string
	}{
		{"the store's script", l, l.write()},
		{"the store's script with an epoch and a fence", l, l.fencedWrite()},
		{"a script of an unconditional HGET and HSET", l, l.smallestScript()},
		{"HSET of the same fields", l, writeFields},
		{"HMGET of the fields", l, readFields},
		{"PTTL", l, readTTL},
		{"the store's script, 1 connection, 1 in flight", &alone, l.write()},
	} {
		rate, err := f.limits.rate(ctx, floorKeys, f.args...)
		if err != nil {
			return err
		}
		if script == 0 {
			script = rate
		}
		table = append(table, []string{f.name, rounded(rate), fmt.Sprintf("%.2f", script/rate)})
	}
	writeTable(out, table)
	return nil
}
