package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/integration/heap"
	"github.com/checkpointstore/checkpoint/redisstore"
)

const everyKey = "checkpoint:*"

// A crowd is a server with many checkpoints, and somebody else who uses it.
type crowd struct {
	limits *redisLimits
	client *redis.Client
	store  *checkpoint.Store
	keys   int
	rows   [][]string
	times  map[string]time.Duration // the shortest of each step
	p99    map[string]time.Duration // and the lowest of its p99
}

// measureMillion walks and clears the largest store, and does to it what it is
// compared with.
func measureMillion(ctx context.Context, r *report, l *redisLimits) error {
	c := &crowd{
		limits: l, client: l.client, store: checkpoint.New(redisstore.New(l.client, nil), nil), keys: r.set.keys,
		times: make(map[string]time.Duration), p99: make(map[string]time.Duration),
	}
	if err := c.client.FlushAll(ctx).Err(); err != nil {
		return err
	}
	hgetall := 0.0
	for range min(r.set.rounds, 2) { // each takes long
		rate, err := c.round(ctx, 6*r.set.each)
		if err != nil {
			return err
		}
		hgetall = max(hgetall, rate)
	}
	grown, err := c.heap(ctx)
	if err != nil {
		return err
	}
	getAll := float64(c.keys) / c.times[stepAlone].Seconds()
	r.table("million", [][]string{
		{"over all checkpoints", "a second"},
		{"GetAll", rounded(getAll)},
		{"HGETALL of random keys, redis-benchmark -P 64", rounded(hgetall)},
		{"Clear", rounded(float64(c.keys) / c.times[stepClear].Seconds())},
		{"a loop of SCAN and UNLINK", rounded(float64(c.keys) / c.times[stepLoop].Seconds())},
		{"KEYS and one DEL of all", rounded(float64(c.keys) / (c.times[stepKeys] + c.times[stepDel]).Seconds())},
	})
	r.table("pings", c.pingTable())
	r.compare("redis-getall", getAll, hgetall)
	r.reach("redis-getall-heap", grown)
	r.compare("redis-clear", c.times[stepClear].Seconds(), c.times[stepLoop].Seconds())
	r.compare("ping-getall", c.p99[stepGetAll].Seconds(), c.p99[stepIdle].Seconds())
	r.compare("ping-clear", c.p99[stepClear].Seconds(), c.p99[stepIdle].Seconds())
	return nil
}

const (
	stepIdle    = "nothing"
	stepAlone   = "GetAll, and nobody looks"
	stepGetAll  = "GetAll"
	stepClear   = "Clear"
	stepLoop    = "a loop of SCAN and UNLINK"
	stepKeys    = "KEYS *"
	stepDel     = "one DEL of all keys"
	stepBatches = "KEYS *, and DEL of 1000 keys at a time"
)

func (c *crowd) round(ctx context.Context, idle time.Duration) (hgetall float64, err error) {
	var found []string
	fillAgain := func() error { return fill(ctx, c.store, c.keys, 1) }
	for _, s := range []struct {
		name string // none: nobody looks
		do   func() error
	}{
		{"", fillAgain},
		{"", func() (err error) {
			hgetall, err = c.limits.rate(ctx, c.keys, readAll...)
			return err
		}},
		{"", func() error {
			start := time.Now()
			err := countAll(ctx, c.store, c.keys)
			c.took(stepAlone, time.Since(start))
			return err
		}},
		{stepIdle, func() error { return sleep(ctx, idle) }},
		{stepGetAll, func() error { return countAll(ctx, c.store, c.keys) }},
		{stepClear, func() error { return clearAll(ctx, c.store, c.keys) }},
		{"", fillAgain},
		{stepLoop, func() error { return clearByHand(ctx, c.client) }},
		{"", fillAgain},
		{stepKeys, func() (err error) {
			found, err = c.client.Keys(ctx, everyKey).Result()
			return err
		}},
		{stepDel, func() error { return c.client.Del(ctx, found...).Err() }},
		{"", fillAgain},
		{stepBatches, func() error { return clearInBatches(ctx, c.client) }},
	} {
		if s.name == "" {
			err = s.do()
		} else {
			err = c.watch(ctx, s.name, s.do)
		}
		if err != nil {
			return 0, errors.Join(fmt.Errorf("%s over %d keys", s.name, c.keys), err)
		}
	}
	return hgetall, nil
}

// watch does a step beside a client that sends PINGs. It keeps the better of
// what it has seen.
func (c *crowd) watch(ctx context.Context, name string, do func() error) error {
	took := time.Duration(math.MaxInt64)
	times, err := during(ctx, c.limits.server.Addr(), func() error {
		start := time.Now()
		err := do()
		took = time.Since(start)
		return err
	})
	if err != nil {
		return err
	}
	c.took(name, took)
	slices.Sort(times)
	// With few of them, as while one command runs, the slowest decides.
	p99 := times[(len(times)*99+99)/100-1]
	if old, ok := c.p99[name]; ok && old <= p99 {
		return nil
	}
	c.p99[name] = p99
	row := []string{name, rounded(float64(len(times))), duration(times[len(times)/2]), duration(p99), duration(times[len(times)-1])}
	i := slices.IndexFunc(c.rows, func(r []string) bool { return r[0] == name })
	if i < 0 {
		c.rows = append(c.rows, row)
	} else {
		c.rows[i] = row
	}
	return nil
}

func (c *crowd) took(name string, took time.Duration) {
	if old, ok := c.times[name]; !ok || took < old {
		c.times[name] = took
	}
}

func (c *crowd) pingTable() [][]string {
	table := [][]string{{"while there runs", "PINGs", "p50", "p99", "longest", "p99 over an idle server's"}}
	for _, row := range c.rows {
		table = append(table, append(row, ratio(float64(c.p99[row[0]])/float64(c.p99[stepIdle]))))
	}
	return table
}

// heap is how many MiB GetAll needs beside the set of keys that it has seen.
func (c *crowd) heap(ctx context.Context) (float64, error) {
	if err := fill(ctx, c.store, c.keys, 1); err != nil {
		return 0, err
	}
	keys := heap.OfKeys(c.keys, "checkpoint:", benchKey)
	stop := heap.Watch()
	err := countAll(ctx, c.store, c.keys)
	grown, _ := stop()
	return float64(grown-min(grown, keys)) / (1 << 20), err
}

// clearByHand is what a user would write.
func clearByHand(ctx context.Context, client *redis.Client) error {
	for cursor := uint64(0); ; {
		keys, next, err := client.Scan(ctx, cursor, everyKey, 500).Result()
		if err != nil {
			return err
		}
		if len(keys) > 0 {
			if err := client.Unlink(ctx, keys...).Err(); err != nil {
				return err
			}
		}
		if cursor = next; cursor == 0 {
			return nil
		}
	}
}

// clearInBatches is what a user would write who does not know SCAN.
func clearInBatches(ctx context.Context, client *redis.Client) error {
	keys, err := client.Keys(ctx, everyKey).Result()
	if err != nil {
		return err
	}
	for part := range slices.Chunk(keys, 1000) {
		if err := client.Del(ctx, part...).Err(); err != nil {
			return err
		}
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}
