package redisstore_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/internal/redistest"
	"github.com/checkpointstore/checkpoint/redisstore"
)

// TestReadBesideWritesIsSentAgain: a pipeline with a write is not sent again
// when its answers are lost, so that a read must not be in it, even where a
// write waits for a pipeline already. The server holds writes back, and scripts.
func TestReadBesideWritesIsSentAgain(t *testing.T) {
	server := redistest.Start(t)
	dialer := &faultyDialer{node: server.Addr(), match: redisstore.ReadScript}
	client := redis.NewClient(&redis.Options{Addr: server.Addr(), Dialer: dialer.dial, ReadTimeout: -1})
	t.Cleanup(func() { client.Close() })
	driver := must(redisstore.New(client, &redisstore.Options{NoShortcuts: true}))
	store := checkpoint.New(driver, nil)
	works(t, store, writes)
	if err := store.Set(t.Context(), "read", at(1, 1)); err != nil {
		t.Fatal(err)
	}
	server.Do("CLIENT", "PAUSE", "1000000", "WRITE")
	var calls sync.WaitGroup
	set := func(key string) {
		calls.Go(func() {
			if err := store.Set(t.Context(), key, at(1, 1)); err != nil {
				t.Errorf("Set of %s: %v", key, err)
			}
		})
	}
	for i := range redisstore.MaxFlights {
		set(fmt.Sprint("blocked", i))
		awaitBlocked(t, server, i+1)
	}
	set("waiting")
	awaitWaiting(t, driver, 1)

	dialer.breaks.Store(1)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	calls.Go(func() {
		if _, err := store.Get(ctx, "read"); err != nil {
			t.Errorf("Get, whose answer was lost at first: %v", err)
		}
	})
	eventually(t, "the server holds the read back, or it waits with the write", func() bool {
		held := fmt.Sprintf("blocked_clients:%d\r", redisstore.MaxFlights+1)
		return redisstore.Waiting(driver) > 1 || strings.Contains(server.Do("INFO", "clients").(string), held)
	})
	server.Do("CLIENT", "UNPAUSE")
	calls.Wait()
	if left := dialer.breaks.Load(); left >= 0 {
		t.Errorf("%d: no answer was lost and asked for again", left)
	}
}
