package benchtest_test

import (
	"context"
	"iter"
	"strings"
	"testing"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/internal/benchtest"
	"github.com/checkpointstore/checkpoint/memstore"
)

// idle does nothing of one method's work, and returns no error.
type idle struct {
	driver.Driver
	method string
}

func (d idle) Write(ctx context.Context, writes []driver.Write) ([]driver.Result, error) {
	if d.method != "Write" {
		return d.Driver.Write(ctx, writes)
	}
	results := make([]driver.Result, len(writes))
	for i := range results {
		results[i].Outcome = driver.Stale
	}
	return results, nil
}

func (d idle) Get(ctx context.Context, keys []string) ([]driver.Record, error) {
	if d.method != "Get" {
		return d.Driver.Get(ctx, keys)
	}
	records := make([]driver.Record, len(keys))
	for i := range records {
		records[i].Key = keys[i]
		records[i].Position = driver.Position{Commit: 1 << 40}
	}
	return records, nil
}

func (d idle) Delete(ctx context.Context, keys []string) (int, error) {
	if d.method != "Delete" {
		return d.Driver.Delete(ctx, keys)
	}
	return 0, nil
}

func (d idle) Scan(ctx context.Context, pattern string, size int) iter.Seq2[[]string, error] {
	if d.method != "Scan" {
		return d.Driver.Scan(ctx, pattern, size)
	}
	return func(func([]string, error) bool) {}
}

// TestIdleCallsFail: a benchmark of calls that do nothing fails.
func TestIdleCallsFail(t *testing.T) {
	for _, call := range benchtest.Calls() {
		method, _, _ := strings.Cut(call.Name, "/")
		broken := map[string]string{"SetIfNewer": "Write", "Apply": "Write", "Get": "Get", "GetAll": "Scan", "Clear": "Delete"}[method]
		for _, d := range []struct {
			idle  string
			fails bool
		}{{"", false}, {broken, true}} {
			result := testing.Benchmark(func(b *testing.B) {
				b.Helper()
				b.StopTimer()
				if b.N > 1 {
					return // once is enough
				}
				call.Run(b, checkpoint.New(idle{memstore.New(), d.idle}, nil))
			})
			if (result.N == 0) != d.fails {
				t.Errorf("%s over a store without %q ran %d times", call.Name, d.idle, result.N)
			}
		}
	}
}
