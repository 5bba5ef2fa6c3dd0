package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint/internal/redistest"
)

// redisLimits takes rates with redis-benchmark.
type redisLimits struct {
	server   *redistest.Server
	client   *redis.Client
	each     time.Duration
	clients  int
	pipeline int
	script   string // by its SHA-1, the store's
	parts    scriptParts
	requests map[string]int // that fill the time, by what is measured
	position int            // the last that grew
}

func newRedisLimits(ctx context.Context, server *redistest.Server, client *redis.Client, each time.Duration) (*redisLimits, error) {
	root, err := projectRoot(ctx)
	if err != nil {
		return nil, err
	}
	script, err := writeScript(root)
	if err != nil {
		return nil, err
	}
	l := &redisLimits{server: server, client: client, each: each, clients: 50, pipeline: 64, requests: make(map[string]int)}
	if l.script, err = client.ScriptLoad(ctx, string(script)).Result(); err != nil {
		return nil, err
	}
	l.parts, err = loadParts(ctx, client)
	return l, err
}

// scriptParts are scripts that decide nothing, by their SHA-1: each does more of
// what the store's has to do than the one before.
type scriptParts struct{ nothing, hget, hmget, persist string }

func loadParts(ctx context.Context, client *redis.Client) (p scriptParts, err error) {
	const (
		hget    = "redis.call('HGET', KEYS[1], 'commit')\n"
		hmget   = "redis.call('HMGET', KEYS[1], 'commit', 'prepare', 'epoch')\n"
		hset    = "redis.call('HSET', KEYS[1], 'commit', ARGV[1], 'prepare', ARGV[2], 'updatedAt', ARGV[3])\n"
		persist = "redis.call('PERSIST', KEYS[1])\n"
		end     = "return 1"
	)
	for _, s := range []struct {
		sha  *string
		text string
	}{
		{&p.nothing, end},
		{&p.hget, hget + hset + end},
		{&p.hmget, hmget + hset + end},
		{&p.persist, hmget + hset + persist + end},
	} {
		if *s.sha, err = client.ScriptLoad(ctx, s.text).Result(); err != nil {
			return p, err
		}
	}
	return p, nil
}

const (
	randomKey   = "checkpoint:consumer/__rand_int__" // twelve digits, as redis-benchmark makes them
	randomFence = "checkpoint-fence:{checkpoint:consumer/__rand_int__}"
	updatedAt   = "2026-01-02T03:04:05.678Z"
)

// scriptArgs are those of a SetIfNewer. The position never grows, so that each
// write is as new as what is there: the script then writes all the same.
var scriptArgs = []string{"100000", "100000", updatedAt}

func (l *redisLimits) write() []string { return l.call(l.script) }

func (l *redisLimits) fencedWrite() []string {
	return slices.Concat([]string{"EVALSHA", l.script, "2", randomKey, randomFence}, scriptArgs, []string{"0", "7"})
}

// call calls a script as the store calls its own.
func (l *redisLimits) call(script string) []string {
	return append([]string{"EVALSHA", script, "1", randomKey}, scriptArgs...)
}

var (
	writeFields = []string{"HSET", randomKey, "commit", "100000", "prepare", "100000", "updatedAt", updatedAt}
	readFields  = []string{"HMGET", randomKey, "commit", "prepare", "updatedAt", "epoch", "logId"}
	readTTL     = []string{"PTTL", randomKey}
	readAll     = []string{"HGETALL", randomKey}
)

// fill stores a checkpoint at each key that a read may meet.
func (l *redisLimits) fill(ctx context.Context, keys int) error {
	pipe := l.client.Pipeline()
	for i := range keys {
		pipe.HSet(ctx, fmt.Sprintf("checkpoint:consumer/%012d", i), "commit", "100000", "prepare", "100000", "updatedAt", updatedAt)
	}
	_, err := pipe.Exec(ctx)
	return err
}

// rate measures for about as long as each measurement takes.
func (l *redisLimits) rate(ctx context.Context, keys int, args ...string) (float64, error) {
	id := fmt.Sprint(l.clients, l.pipeline, keys, args)
	requests, ok := l.requests[id]
	if !ok {
		// redis-benchmark counts milliseconds: in none of them its rate has no end.
		requests = max(1000, 10*l.clients*l.pipeline)
		guess, err := l.benchmark(ctx, keys, requests, args)
		if err != nil {
			return 0, err
		}
		requests = max(requests, int(guess*l.each.Seconds()))
		l.requests[id] = requests
	}
	return l.benchmark(ctx, keys, requests, args)
}

func (l *redisLimits) benchmark(ctx context.Context, keys, requests int, args []string) (float64, error) {
	name, port, err := net.SplitHostPort(l.server.Addr())
	if err != nil {
		return 0, err
	}
	text, err := output(ctx, "", "redis-benchmark", append([]string{
		"-h", name, "-p", port, "--csv",
		"-c", strconv.Itoa(l.clients), "-P", strconv.Itoa(l.pipeline),
		"-n", strconv.Itoa(requests), "-r", strconv.Itoa(keys),
	}, args...)...)
	if err != nil {
		return 0, err
	}
	return parseRedisBenchmark(text)
}

// writeScript is the script as redisstore sends it.
func writeScript(root string) ([]byte, error) {
	var parts [][]byte
	for _, name := range []string{"usual.lua", "common.lua", "script.lua"} {
		part, err := os.ReadFile(filepath.Join(root, "redisstore", name))
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
	}
	return bytes.Join(parts, []byte("\n")), nil
}
