package redisstore_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/internal/redistest"
)

// TestAReplicaDoesNotSayThatNothingIsThere asks a replica that never reached
// its master.
func TestAReplicaDoesNotSayThatNothingIsThere(t *testing.T) {
	replica := redistest.Start(t, "replicaof 127.0.0.1 1")
	s := inNamespace(t, standalone(t, replica), "prod:")
	if _, err := s.Get(t.Context(), "k"); err == nil || errors.Is(err, checkpoint.ErrNotFound) {
		t.Errorf("Get: %v; want an error that is not ErrNotFound", err)
	}
	if found, err := s.GetMany(t.Context(), "a", "b"); err == nil {
		t.Errorf("GetMany: %v without an error", found)
	}
	if ok, err := s.Exists(t.Context(), "k"); err == nil {
		t.Errorf("Exists: %v without an error", ok)
	}
	if all, err := checkpoint.Collect(s.GetAll(t.Context(), "*")); err == nil {
		t.Errorf("GetAll: %v without an error", all)
	}
}

func TestARingIsRefused(t *testing.T) {
	ring := redis.NewRing(&redis.RingOptions{Addrs: map[string]string{"a": "127.0.0.1:1"}})
	defer ring.Close()
	_, err := inNamespace(t, ring, "prod:").Get(t.Context(), "k")
	if err == nil || !strings.Contains(err.Error(), "Ring") {
		t.Errorf("Get over a Ring: %v", err)
	}
}

// A between runs a function before each single command of a pipeline.
type between func(command string)

func (between) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

func (between) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

func (b between) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		var first error
		for _, c := range cmds {
			b(c.Name())
			if err := next(ctx, []redis.Cmder{c}); err != nil && first == nil {
				first = err
			}
		}
		return first
	}
}

// TestReadsOfAKeyThatComesAndGoes changes the key between the two commands
// that read it. Whatever is answered must have been so at some moment, or be an
// error that is neither "damaged" nor "not found".
func TestReadsOfAKeyThatComesAndGoes(t *testing.T) {
	const key = "prod:checkpoint:k"
	server := redistest.Start(t)
	hash := []string{"HSET", key, "commit", "1", "prepare", "1"}
	str := []string{"SET", key, "5@5"}
	gone := []string{"UNLINK", key}
	for name, c := range map[string]struct {
		before map[string][]string // a command of the read: what happens first
		rounds int                 // after so many reads nothing happens any more
		want   checkpoint.Position // zero: an error
	}{
		"a hash, twice":            {map[string][]string{"hmget": gone, "pttl": hash}, 2, at(1, 1)},
		"a hash, for ever":         {map[string][]string{"hmget": gone, "pttl": hash}, 1 << 30, at(0, 0)},
		"a string, twice":          {map[string][]string{"hmget": str, "get": gone, "pttl": str}, 2, at(5, 5)},
		"a string, for ever":       {map[string][]string{"hmget": str, "get": gone, "pttl": str}, 1 << 30, at(0, 0)},
		"a string becomes a hash":  {map[string][]string{"hmget": str, "get": gone, "pttl": hash}, 2, at(1, 1)},
		"a hash after HMGET, once": {map[string][]string{"hmget": gone, "pttl": hash}, 1, at(1, 1)},
	} {
		t.Run(name, func(t *testing.T) {
			server.Do("FLUSHALL")
			client := redis.NewClient(&redis.Options{Addr: server.Addr()})
			defer client.Close()
			rounds := 0
			client.AddHook(between(func(command string) {
				if command == "hmget" {
					rounds++
				}
				if rounds <= c.rounds && c.before[command] != nil {
					if command == "hmget" && c.before[command][0] == "SET" || command == "pttl" {
						server.Do(gone...)
					}
					server.Do(c.before[command]...)
				}
			}))
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			got, err := inNamespace(t, client, "prod:").Get(ctx, "k")
			if c.want != at(0, 0) {
				if err != nil || got.Position != c.want {
					t.Errorf("Get = %s, %v; want %s", got.Position, err, c.want)
				}
				return
			}
			if err == nil {
				t.Errorf("Get = %s, without an error", got.Position)
			}
		})
	}
}
