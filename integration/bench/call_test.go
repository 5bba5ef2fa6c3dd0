package main

import (
	"encoding/csv"
	"fmt"
	"math"
	"net"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/integration/rivals"
	"github.com/checkpointstore/checkpoint/internal/benchtest"
	"github.com/checkpointstore/checkpoint/internal/redistest"
)

// BenchmarkCall measures each call by each contestant, one after another, and by
// the engine's limit if there is one:
//
//	BenchmarkCall/engine=redis/call=SetIfNewer/goroutines=64/of=goredis
func BenchmarkCall(b *testing.B) {
	for _, engine := range []struct {
		name  string
		start func(*testing.B) *engine
	}{
		{"redis", onRedis},
		{"sqlite", onSQLite},
		{"postgres", postgresEngine},
		{"etcd", etcdEngine},
	} {
		b.Run("engine="+engine.name, func(b *testing.B) {
			e := engine.start(b)
			for _, call := range benchtest.Calls() {
				if !level.MatchString(call.Name) || shown.MatchString(call.Name) {
					b.Run("call="+call.Name, func(b *testing.B) { e.measure(b, call) })
				}
			}
		})
	}
}

// Of the levels of concurrency the benchmarks of the engines have more.
var level, shown = regexp.MustCompile(`goroutines=`), regexp.MustCompile(`goroutines=(1|64|256|1024)$`)

func (e *engine) measure(b *testing.B, call benchtest.Call) {
	b.Helper()
	for _, c := range e.contestants {
		b.Run("of="+c.name, func(b *testing.B) {
			d, err := c.open(b.Context(), e.empty(b))
			if err != nil {
				b.Fatal(err)
			}
			defer d.Close()
			call.RunTimed(b, checkpoint.New(d, nil))
		})
	}
	if e.limit == nil {
		return
	}
	b.Run("of=limit", func(b *testing.B) {
		e.empty(b)
		e.limit(b, call.Name)
	})
}

// redisLimit measures redis-benchmark with as many commands in flight as the
// call has: of a write the script of plain go-redis, of a Get HMGET.
func redisLimit(b *testing.B, server *redistest.Server, call string) {
	b.Helper()
	_, label, _ := strings.Cut(call, "/")
	what, digits, _ := strings.Cut(label, "=")
	n, err := strconv.Atoi(digits)
	if err != nil || n == 1 {
		b.Skip("this call is many commands, or waits for its round trip alone")
	}
	command := limitScript(server)
	if !isWrite(call) {
		for i := range n {
			server.Do("HSET", strings.Replace(randomKey, "__rand_int__", fmt.Sprintf("%012d", i), 1), "commit", "100000", "prepare", "100000", "updatedAt", "2026-01-02T03:04:05.678Z")
		}
		command = []string{"HMGET", randomKey, "commit", "prepare", "updatedAt"}
	}
	connections := 1
	if what == "goroutines" {
		connections = min(n, 32)
	}
	// redis-benchmark counts milliseconds, so that its rate of few requests has no end.
	rate := redisBenchmark(b, server, b.N*max(1000, 10*n), n, connections, n/connections, command)
	b.ReportMetric(rate, "ops/s")
	b.ReportMetric(1e9/rate, "ns/op")
}

// limitScript is the script of plain go-redis, as redis-benchmark sends it.
func limitScript(server *redistest.Server) []string {
	return []string{"EVALSHA", server.Do("SCRIPT", "LOAD", rivals.Script).(string), "1", randomKey, "100000", "100000", "2026-01-02T03:04:05.678Z"}
}

const randomKey = "consumer/__rand_int__" // twelve digits, as redis-benchmark makes them

// redisBenchmark sends a command so many times, with so many keys, and returns its rate. It
// goes by what redis-benchmark says of itself, since starting it takes long.
func redisBenchmark(b *testing.B, server *redistest.Server, requests, keys, connections, pipelined int, command []string) float64 {
	b.Helper()
	host, port, err := net.SplitHostPort(server.Addr())
	if err != nil {
		b.Fatal(err)
	}
	text, err := exec.CommandContext(b.Context(), "redis-benchmark", append([]string{
		"-h", host, "-p", port, "--csv", "-c", strconv.Itoa(connections), "-P", strconv.Itoa(pipelined),
		"-n", strconv.Itoa(requests), "-r", strconv.Itoa(keys),
	}, command...)...).CombinedOutput()
	if err != nil {
		b.Fatalf("redis-benchmark: %v\n%s", err, text)
	}
	rate, err := parseRedisBenchmark(string(text))
	if err != nil {
		b.Fatal(err)
	}
	return rate
}

// parseRedisBenchmark reads the requests a second of one command.
func parseRedisBenchmark(output string) (float64, error) {
	for line := range strings.Lines(output) {
		// A complaint stands on a line of its own and is no CSV.
		fields, err := csv.NewReader(strings.NewReader(line)).Read()
		if err != nil || len(fields) < 2 {
			continue
		}
		if rate, err := strconv.ParseFloat(fields[1], 64); err == nil && rate > 0 && !math.IsInf(rate, 1) {
			return rate, nil
		}
	}
	return 0, fmt.Errorf("redis-benchmark printed no rate: %q", output)
}

func TestParseRedisBenchmark(t *testing.T) {
	got, err := parseRedisBenchmark(`WARNING: Could not fetch server CONFIG
"test","rps","avg_latency_ms","min_latency_ms"
"EVALSHA 2fd4 1 consumer/__rand_int__","219512.20","0.100","0.008"
`)
	if err != nil || got != 219512.20 {
		t.Errorf("got %v, %v, want 219512.20", got, err)
	}
	for _, output := range []string{"", "Error from server: NOSCRIPT No matching script.\n", `"HSET","inf","0.1"`, `"HSET","0.00","0.1"`} {
		if got, err := parseRedisBenchmark(output); err == nil {
			t.Errorf("parseRedisBenchmark(%q) = %v, want an error", output, got)
		}
	}
}
