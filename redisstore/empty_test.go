package redisstore_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
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

// A between runs a function before each command that reads a key. They may go
// out in several pipelines at once: it lets them pass one by one, as they stand
// in a read, which is HMGET, GET (in all reads but the first) and PTTL.
type between struct {
	ctx    context.Context // nothing waits for its turn any longer
	before func(command string)

	mu     sync.Mutex
	passed map[string]int
	moved  *sync.Cond
}

func newBetween(ctx context.Context, before func(command string)) *between {
	b := &between{ctx: ctx, before: before, passed: make(map[string]int)}
	b.moved = sync.NewCond(&b.mu)
	context.AfterFunc(ctx, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.moved.Broadcast()
	})
	return b
}

// turn reports whether all that stands before command has passed.
func (b *between) turn(command string) bool {
	hmget, get, pttl := b.passed["hmget"], b.passed["get"], b.passed["pttl"]
	switch command {
	case "get":
		return hmget > get+1
	case "pttl":
		return hmget > pttl && get >= pttl
	}
	return true
}

func (b *between) pass(command string, process func() error) error {
	switch command {
	case "hmget", "get", "pttl":
	default:
		return process()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for !b.turn(command) {
		if b.ctx.Err() != nil {
			return context.Cause(b.ctx)
		}
		b.moved.Wait()
	}
	b.before(command)
	err := process()
	b.passed[command]++
	b.moved.Broadcast()
	return err
}

func (*between) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

// ProcessHook is for a pipeline of one command, which go-redis sends as such.
func (b *between) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, c redis.Cmder) error {
		return b.pass(c.Name(), func() error { return next(ctx, c) })
	}
}

func (b *between) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		var first error
		for _, c := range cmds {
			err := b.pass(c.Name(), func() error { return next(ctx, []redis.Cmder{c}) })
			if err != nil && first == nil {
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
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			rounds := 0
			client.AddHook(newBetween(ctx, func(command string) {
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
