package main

import (
	"context"
	"flag"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/integration/rivals"
	"github.com/checkpointstore/checkpoint/internal/filltest"
	"github.com/checkpointstore/checkpoint/internal/redistest"
)

var largeKeys = flag.Int("keys", 1000, "how many checkpoints a large store has")

// BenchmarkLarge fills a store, reads all of it, and clears it. An operation is
// all of that.
func BenchmarkLarge(b *testing.B) {
	withKeys, server := redisEngine(b)
	withKeys.contestants = append(withKeys.contestants, contestant{"keys", func(_ context.Context, addr string) (driver.Driver, error) {
		client := redis.NewClient(&redis.Options{Addr: addr, ReadTimeout: -1})
		return blocking{rivals.NewGoRedis(client), client}, nil
	}})
	for _, e := range []*engine{withKeys, sqliteEngine()} {
		for _, c := range e.contestants {
			if c.name == "rueidis" {
				continue
			}
			b.Run("engine="+e.name+"/keys="+strconv.Itoa(*largeKeys)+"/of="+c.name, func(b *testing.B) {
				for range b.N {
					e.large(b, c, *largeKeys)
				}
				if e == withKeys {
					b.ReportMetric(slowestCommand(b, server, "p100"), "longest-ns")
				}
			})
		}
	}
}

func (e *engine) large(b *testing.B, c contestant, n int) {
	b.Helper()
	place := e.empty(b)
	before := int64(0)
	if e.name == "redis" { // a file begins with nothing
		before = e.bytes(b, place)
	}
	use := func(unit string, do func(*checkpoint.Store) error) {
		d, err := c.open(b.Context(), place)
		if err != nil {
			b.Fatal(err)
		}
		store := checkpoint.New(d, nil)
		start := time.Now()
		if err := do(store); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(n)/time.Since(start).Seconds(), unit)
		if err := store.Close(); err != nil {
			b.Fatal(err)
		}
	}
	use("writes/s", func(store *checkpoint.Store) error { return fillLarge(b.Context(), store, n) })
	b.ReportMetric(float64(e.bytes(b, place)-before)/float64(n), "B/key")
	use("reads/s", func(store *checkpoint.Store) error { return readLarge(b.Context(), store, n) })
	use("clears/s", func(store *checkpoint.Store) error {
		cleared, err := store.Clear(b.Context(), "*")
		if err == nil && cleared != n {
			b.Fatalf("Clear removed %d checkpoints, want %d", cleared, n)
		}
		return err
	})
}

func fillLarge(ctx context.Context, store *checkpoint.Store, n int) error {
	return filltest.Fill(ctx, store, n, func(i int) checkpoint.Write {
		return checkpoint.Write{Key: "orders-projection/" + strconv.Itoa(i), IfNewer: true, Mark: checkpoint.Mark{Position: checkpoint.Position{Commit: 1 << 40}}}
	})
}

func readLarge(ctx context.Context, store *checkpoint.Store, n int) error {
	found := 0
	for _, err := range store.GetAll(ctx, "*") {
		if err != nil {
			return err
		}
		found++
	}
	if found != n {
		return fmt.Errorf("GetAll found %d checkpoints, want %d", found, n)
	}
	return nil
}

// slowestCommand is how long the server was busy with one command of the slowest kind, in
// nanoseconds, since the last time it was asked: a percentile of the calls of that kind.
func slowestCommand(b *testing.B, server *redistest.Server, percentile string) float64 {
	b.Helper()
	text, _ := server.Do("INFO", "latencystats").(string)
	slowest := 0.0
	for line := range strings.Lines(text) {
		name, stats, _ := strings.Cut(strings.TrimSpace(line), ":")
		_, value, ok := strings.Cut(","+stats, ","+percentile+"=")
		if !ok || name == "latency_percentiles_usec_flushall" {
			continue
		}
		value, _, _ = strings.Cut(value, ",")
		micros, err := strconv.ParseFloat(value, 64)
		if err != nil {
			b.Fatal(err)
		}
		slowest = max(slowest, micros*1000)
	}
	if slowest == 0 {
		b.Fatalf("the server tells no command's time:\n%s", text)
	}
	server.Do("CONFIG", "RESETSTAT")
	return slowest
}

// blocking is what a user would write who does not know SCAN.
type blocking struct {
	*rivals.GoRedis
	client *redis.Client
}

func (d blocking) Scan(ctx context.Context, _ string, _ int) iter.Seq2[[]string, error] {
	return func(yield func([]string, error) bool) {
		keys, err := d.client.Keys(ctx, "rival:*").Result()
		for i := range keys {
			keys[i] = strings.TrimPrefix(keys[i], "rival:")
		}
		yield(keys, err)
	}
}

func (d blocking) Delete(ctx context.Context, keys []string) (int, error) {
	full := make([]string, len(keys))
	for i, key := range keys {
		full[i] = "rival:" + key
	}
	n, err := d.client.Del(ctx, full...).Result()
	return int(n), err
}
