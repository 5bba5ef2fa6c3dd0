package redisstore_test

import (
	"context"
	"net"
	"sync/atomic"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/internal/redistest"
)

// scans is a hook that calls before with the number of each SCAN, from 1.
type scans struct {
	before    func(n int32)
	sent, had atomic.Int32 // how many were sent, and have ended
}

func (*scans) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

func (s *scans) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, c redis.Cmder) error {
		if c.Name() != "scan" {
			return next(ctx, c)
		}
		s.before(s.sent.Add(1))
		defer s.had.Add(1)
		return next(ctx, c)
	}
}

func (*scans) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// Keys that were found before the connection broke, but not yielded, must not
// count as seen.
func TestScanOfFewKeysAmongMany(t *testing.T) {
	server := redistest.Start(t)
	client := standalone(t, server)
	fill(t, inNamespace(t, client, "other:"), 2000)
	s := inNamespace(t, client, "prod:")
	fill(t, s, 20)
	const last = 2000 / 500 // the last SCAN of the first walk
	client.AddHook(&scans{before: func(n int32) {
		if n == last {
			server.Do("CLIENT", "KILL", "TYPE", "normal")
		}
	}})
	found := make(map[string]bool)
	for key, err := range s.Scan(t.Context(), "*", checkpoint.PageSize(500)) {
		if err != nil {
			t.Fatal(err)
		}
		if found[key] {
			t.Errorf("%s came twice", key)
		}
		found[key] = true
	}
	if len(found) != 20 {
		t.Errorf("found %d of 20 keys", len(found))
	}
}
