package main

import (
	"context"
	"flag"
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
	onRedis, server := redisEngine(b)
	onRedis.contestants = append(onRedis.contestants, contestant{"keys", func(_ context.Context, addr string) (driver.Driver, error) {
		client := redis.NewClient(&redis.Options{Addr: addr, ReadTimeout: -1})
		return blocking{rivals.NewGoRedis(client), client}, nil
	}})
	for _, e := range []*engine{onRedis, sqliteEngine()} {
		for _, c := range e.contestants {
			if c.name == "rueidis" {
				continue
			}
			b.Run("engine="+e.name+"/keys="+strconv.Itoa(*largeKeys)+"/of="+c.name, func(b *testing.B) {
				for range b.N {
					e.large(b, c, *largeKeys)
				}
				if e == onRedis {
					b.ReportMetric(longestCommand(b, server), "longest-ns")
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
	use("writes/s", func(store *checkpoint.Store) error {
		return filltest.Fill(b.Context(), store, n, func(i int) checkpoint.Write {
			return checkpoint.Write{Key: "orders-projection/" + strconv.Itoa(i), IfNewer: true, Mark: checkpoint.Mark{Position: checkpoint.Position{Commit: 1 << 40}}}
		})
	})
	b.ReportMetric(float64(e.bytes(b, place)-before)/float64(n), "B/key")
	use("reads/s", func(store *checkpoint.Store) error {
		found := 0
		for _, err := range store.GetAll(b.Context(), "*") {
			if err != nil {
				return err
			}
			found++
		}
		if found != n {
			b.Fatalf("GetAll found %d checkpoints, want %d", found, n)
		}
		return nil
	})
	use("clears/s", func(store *checkpoint.Store) error {
		cleared, err := store.Clear(b.Context(), "*")
		if err == nil && cleared != n {
			b.Fatalf("Clear removed %d checkpoints, want %d", cleared, n)
		}
		return err
	})
}

// longestCommand is how long the server was busy with one command, since the
// last time it was asked.
func longestCommand(b *testing.B, server *redistest.Server) float64 {
	b.Helper()
	text, _ := server.Do("INFO", "latencystats").(string)
	longest := 0.0
	for line := range strings.Lines(text) {
		name, stats, _ := strings.Cut(strings.TrimSpace(line), ":")
		if value, ok := strings.CutPrefix(stats, "p100="); ok && name != "latency_percentiles_usec_flushall" {
			micros, err := strconv.ParseFloat(value, 64)
			if err != nil {
				b.Fatal(err)
			}
			longest = max(longest, micros*1000)
		}
	}
	if longest == 0 {
		b.Fatalf("the server tells no command's time:\n%s", text)
	}
	server.Do("CONFIG", "RESETSTAT")
	return longest
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
