package main

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/integration/rivals"
	"github.com/checkpointstore/checkpoint/internal/benchtest"
	"github.com/checkpointstore/checkpoint/internal/redistest"
	"github.com/checkpointstore/checkpoint/redisstore"
	"github.com/checkpointstore/checkpoint/sqlitestore"
)

// An engine is what its contestants keep checkpoints in.
type engine struct {
	name        string
	empty       func(b *testing.B) (place string)
	bytes       func(b *testing.B, place string) int64
	contestants []contestant
	limit       func(b *testing.B, call string) // nil: it has none
}

type contestant struct {
	name string
	open func(ctx context.Context, place string) (driver.Driver, error)
}

func sqliteEngine() *engine {
	return &engine{
		name:  "sqlite",
		empty: func(b *testing.B) string { b.Helper(); return filepath.Join(b.TempDir(), "checkpoints.db") },
		bytes: func(b *testing.B, place string) int64 {
			b.Helper()
			info, err := os.Stat(place)
			if err != nil {
				b.Fatal(err)
			}
			return info.Size()
		},
		contestants: []contestant{
			{"store", func(ctx context.Context, place string) (driver.Driver, error) {
				return sqlitestore.Open(ctx, place, nil)
			}},
			{"sql", func(ctx context.Context, place string) (driver.Driver, error) { return rivals.OpenSQL(ctx, place) }},
			{"bbolt", func(_ context.Context, place string) (driver.Driver, error) { return rivals.OpenBbolt(place) }},
		},
		limit: func(b *testing.B, call string) {
			b.Helper()
			if !isWrite(call) {
				b.Skip("reads have no limit")
			}
			benchtest.AppendFsync(b, b.TempDir())
		},
	}
}

func isWrite(call string) bool {
	return strings.HasPrefix(call, "SetIfNewer/") || strings.HasPrefix(call, "Apply/")
}

func onSQLite(*testing.B) *engine { return sqliteEngine() }

func onRedis(b *testing.B) *engine {
	b.Helper()
	e, _ := redisEngine(b)
	return e
}

// redisEngine is a server that keeps nothing on disk.
func redisEngine(b *testing.B) (*engine, *redistest.Server) {
	b.Helper()
	server := redistest.Start(b, "appendonly no", "latency-tracking-info-percentiles 99 100")
	return &engine{
		name: "redis",
		empty: func(*testing.B) string {
			server.Do("FLUSHALL")
			return server.Addr()
		},
		bytes: func(b *testing.B, _ string) int64 { b.Helper(); return usedMemory(b, server) },
		contestants: []contestant{
			{"store", func(ctx context.Context, addr string) (driver.Driver, error) {
				return redisstore.Open(ctx, "redis://"+addr, nil)
			}},
			{"goredis", func(_ context.Context, addr string) (driver.Driver, error) {
				return rivals.NewGoRedis(redis.NewClient(&redis.Options{Addr: addr})), nil
			}},
			{"rueidis", func(_ context.Context, addr string) (driver.Driver, error) { return rivals.NewRueidis(addr) }},
		},
		limit: func(b *testing.B, call string) { b.Helper(); redisLimit(b, server, call) },
	}, server
}

// info is a number of what INFO says.
func info(b *testing.B, server *redistest.Server, section, name string) float64 {
	b.Helper()
	text, _ := server.Do("INFO", section).(string)
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), name+":"); ok {
			if v, err := strconv.ParseFloat(value, 64); err == nil {
				return v
			}
		}
	}
	b.Fatalf("INFO %s does not say %s:\n%s", section, name, text)
	return 0
}

// usedMemory waits until the server has done what it does later: freeing, and
// moving to a larger table.
func usedMemory(b *testing.B, server *redistest.Server) int64 {
	b.Helper()
	const noise = 4096
	for last := -noise * 2.0; ; {
		used := info(b, server, "memory", "used_memory")
		if max(used-last, last-used) <= noise {
			return int64(used)
		}
		last = used
		time.Sleep(200 * time.Millisecond)
	}
}
