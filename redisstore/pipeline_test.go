package redisstore_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/internal/redistest"
	"github.com/checkpointstore/checkpoint/redisstore"
)

// TestCallsThatShareAPipeline ends half of the calls that wait for a pipeline
// while the server holds writes back. That must end no other call, and the
// writes of those that were ended must be Failed, and not be sent.
func TestCallsThatShareAPipeline(t *testing.T) {
	server := redistest.Start(t)
	driver := redisstore.WithoutLane(must(redisstore.New(patient(t, server), nil)))
	store := checkpoint.New(driver, nil)
	works(t, store, writes)
	server.Do("CLIENT", "PAUSE", "1000000", "WRITE")
	ctx, cancel := context.WithCancel(t.Context())
	var ended, others sync.WaitGroup
	set := func(calls *sync.WaitGroup, ctx context.Context, key string, want checkpoint.Outcome) {
		calls.Go(func() {
			outcomes, err := store.Apply(ctx, checkpoint.Write{Key: key, Mark: checkpoint.Mark{Position: at(1, 1)}})
			if outcomes[0] != want {
				t.Errorf("%s is %v, %v, want %v", key, outcomes[0], err, want)
			}
		})
	}
	for i := range redisstore.MaxFlights {
		set(&others, t.Context(), fmt.Sprint("first", i), checkpoint.Advanced)
		awaitBlocked(t, server, i+1)
	}
	const calls = 64
	for i := range calls {
		set(&ended, ctx, fmt.Sprint("ended", i), checkpoint.Failed)
		set(&others, t.Context(), fmt.Sprint("other", i), checkpoint.Advanced)
	}
	awaitWaiting(t, driver, 2*calls)
	cancel()
	ended.Wait()
	server.Do("CLIENT", "UNPAUSE")
	others.Wait()
	for i := range calls {
		if must(store.Exists(t.Context(), fmt.Sprint("ended", i))) {
			t.Errorf("the write of ended%d Failed, and is there", i)
		}
	}
}

// TestHungNodeHoldsUpNoOther fills all that may be on its way to one node of a
// cluster, also by calls that concern other nodes as well.
func TestHungNodeHoldsUpNoOther(t *testing.T) {
	nodes := redistest.StartCluster(t, 3, 0)
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{nodes[0].Addr()}, ReadTimeout: -1})
	t.Cleanup(func() { client.Close() })
	store := inNamespace(t, client, "prod:")
	keys := make(map[string][]string) // by node
	for i := range 200 {
		key := fmt.Sprint("orders", i)
		master := must(client.MasterForKey(t.Context(), "prod:checkpoint:"+key)).Options().Addr
		keys[master] = append(keys[master], key)
	}
	hung := nodes[0]
	for name, others := range map[string][]string{
		"by single calls":          nil,
		"by batches for two nodes": {keys[nodes[1].Addr()][1]},
		"by batches for all nodes": {keys[nodes[1].Addr()][2], keys[nodes[2].Addr()][1]},
	} {
		t.Run(name, func(t *testing.T) {
			hung.Do("CLIENT", "PAUSE", "1000000", "WRITE")
			var waiting sync.WaitGroup
			for i, key := range keys[hung.Addr()] {
				var batch []checkpoint.Write
				for _, k := range append(others, key) {
					batch = append(batch, checkpoint.Write{Key: k, Mark: checkpoint.Mark{Position: at(1, 1)}})
				}
				waiting.Go(func() {
					if _, err := store.Apply(t.Context(), batch...); err != nil {
						t.Errorf("Apply over the node that hung: %v", err)
					}
				})
				if i < redisstore.MaxFlights {
					awaitBlocked(t, hung, i+1)
				}
			}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			for _, node := range nodes[1:] {
				if err := store.Set(ctx, keys[node.Addr()][0], at(1, 1)); err != nil {
					t.Errorf("Set at another node: %v", err)
				}
			}
			hung.Do("CLIENT", "UNPAUSE")
			waiting.Wait()
		})
	}
}

// awaitBlocked returns when the server holds back the commands of n connections.
func awaitBlocked(t *testing.T, server *redistest.Server, n int) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; {
		if strings.Contains(server.Do("INFO", "clients").(string), fmt.Sprintf("blocked_clients:%d\r", n)) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the server never holds back %d connections", n)
		}
	}
}

// awaitWaiting returns when n commands wait for a pipeline.
func awaitWaiting(t *testing.T, driver *redisstore.Driver, n int) {
	t.Helper()
	for deadline := time.Now().Add(patience); redisstore.Waiting(driver) < n; {
		if time.Now().After(deadline) {
			t.Fatalf("%d commands wait for a pipeline, want %d", redisstore.Waiting(driver), n)
		}
	}
}
