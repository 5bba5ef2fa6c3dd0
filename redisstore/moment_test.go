package redisstore_test

import (
	"bytes"
	"context"
	"math/rand/v2"
	"net"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/internal/redistest"
)

// A singleConn sends the commands of a pipeline one by one, and calls before
// ahead of each.
type singleConn struct {
	net.Conn
	before func()
}

func (c *singleConn) Write(b []byte) (int, error) {
	next := []byte("\r\n*")
	for rest := b; len(rest) > 0; {
		command := rest
		if i := bytes.Index(rest, next); i >= 0 {
			command = rest[:i+2]
		}
		rest = rest[len(command):]
		c.before()
		if _, err := c.Conn.Write(command); err != nil {
			return 0, err
		}
	}
	return len(b), nil
}

// TestAReadIsOfOneMoment changes a key before each command that reads it: it is
// a hash that expires, another that does not, a string of the older layout that
// does, or gone.
func TestAReadIsOfOneMoment(t *testing.T) {
	const key = "prod:checkpoint:k"
	server := redistest.Start(t)
	states := [][]string{
		{"HSET", key, "commit", "1", "prepare", "1"},
		{"SET", key, "2@2"},
		{"HSET", key, "commit", "3", "prepare", "3"},
		nil,
	}
	expires := map[checkpoint.Position]time.Duration{at(1, 1): 1000 * time.Second, at(2, 2): 2000 * time.Second, at(3, 3): 0}
	random := rand.New(rand.NewPCG(1, 2))
	change := func() {
		server.Do("UNLINK", key)
		state := states[random.IntN(len(states))]
		if state == nil {
			return
		}
		server.Do(state...)
		if state[0] == "SET" {
			server.Do("EXPIRE", key, "2000")
		} else if state[3] == "1" {
			server.Do("EXPIRE", key, "1000")
		}
	}
	client := redis.NewClient(&redis.Options{
		Addr: server.Addr(), PoolSize: 2,
		Dialer: func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, network, addr)
			return &singleConn{conn, change}, err
		},
	})
	t.Cleanup(func() { client.Close() })
	store := inNamespace(t, client, "prod:")
	read := make(map[checkpoint.Position]int)
	for range 200 {
		found, err := store.GetMany(t.Context(), "k")
		if err != nil {
			t.Fatal(err)
		}
		c, ok := found["k"]
		read[c.Position]++
		if !ok {
			continue
		}
		want, ok := expires[c.Position]
		if !ok || want == 0 && !c.ExpiresAt.IsZero() || want != 0 && time.Until(c.ExpiresAt).Round(100*time.Second) != want {
			t.Errorf("%v expires at %v, which is of no state of the key", c.Position, c.ExpiresAt)
		}
	}
	if len(read) != len(states) {
		t.Errorf("of %d states there were read %v", len(states), read)
	}
}
