package redisstore_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint/driver"
	"github.com/checkpointstore/checkpoint/internal/redistest"
	"github.com/checkpointstore/checkpoint/redisstore"
	"github.com/checkpointstore/checkpoint/storetest"
)

// durable is the configuration of a server that loses nothing when killed.
var durable = []string{"appendonly yes", "appendfsync always"}

func TestConformanceStandalone(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, durable...)
	storetest.Run(t, harness([]*redistest.Server{server}, func(tb testing.TB) redis.UniversalClient {
		tb.Helper()
		return standalone(tb, server)
	}))
}

// TestConformanceNoShortcuts runs everything as one call of a script for each write and read.
func TestConformanceNoShortcuts(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, durable...)
	storetest.Run(t, harnessWith(redisstore.Options{NoShortcuts: true}, []*redistest.Server{server}, func(tb testing.TB) redis.UniversalClient {
		tb.Helper()
		return standalone(tb, server)
	}))
}

func TestConformanceCluster(t *testing.T) {
	t.Parallel()
	nodes := redistest.StartCluster(t, 3, 1, durable...)
	storetest.Run(t, harness(nodes, func(tb testing.TB) redis.UniversalClient {
		tb.Helper()
		return cluster(tb, nodes)
	}))
}

// TestConformanceClusterThatWaits runs everything with MinReplicas.
func TestConformanceClusterThatWaits(t *testing.T) {
	t.Parallel()
	nodes := redistest.StartCluster(t, 3, 1, append([]string{"repl-diskless-sync-delay 0"}, durable...)...)
	storetest.Run(t, harnessWith(redisstore.Options{MinReplicas: 1, ReplicaTimeout: long}, nodes, func(tb testing.TB) redis.UniversalClient {
		tb.Helper()
		return cluster(tb, nodes)
	}))
}

// TestConformanceUnderACL runs everything as the user that docs/redis.md
// describes, who may do what the library needs and nothing else.
func TestConformanceUnderACL(t *testing.T) {
	t.Parallel()
	rule := documentedACL(t)
	// As a line of the configuration, so that it outlives a restart.
	server := redistest.Start(t, append([]string{"user " + rule}, durable...)...)
	storetest.Run(t, harness([]*redistest.Server{server}, func(tb testing.TB) redis.UniversalClient {
		tb.Helper()
		client := redis.NewClient(&redis.Options{Addr: server.Addr(), Username: "checkpoint", Password: "secret"})
		tb.Cleanup(func() { client.Close() })
		return client
	}))
}

// documentedACL is the rule in the block of docs/redis.md that is marked acl,
// with its user, and for the namespaces of the tests.
func documentedACL(t *testing.T) string {
	t.Helper()
	doc, err := os.ReadFile("../docs/redis.md")
	if err != nil {
		t.Fatal(err)
	}
	_, block, ok := strings.Cut(string(doc), "```acl\n")
	block, _, closed := strings.Cut(block, "```")
	if !ok || !closed {
		t.Fatal("docs/redis.md has no block marked acl")
	}
	words := strings.Fields(strings.ReplaceAll(block, "prod:", "test*:"))
	if len(words) < 3 || words[0] != "ACL" || words[1] != "SETUSER" {
		t.Fatalf("the block marked acl in docs/redis.md is %q", words)
	}
	return strings.Join(words[2:], " ")
}

func standalone(tb testing.TB, server *redistest.Server) *redis.Client {
	tb.Helper()
	client := redis.NewClient(&redis.Options{Addr: server.Addr(), Protocol: 3})
	tb.Cleanup(func() { client.Close() })
	return client
}

func cluster(tb testing.TB, nodes []*redistest.Server) *redis.ClusterClient {
	tb.Helper()
	var addrs []string
	for _, n := range nodes {
		addrs = append(addrs, n.Addr())
	}
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: addrs})
	tb.Cleanup(func() { client.Close() })
	return client
}

// namespaces counts the namespaces handed out: each is an empty store.
var namespaces atomic.Uint64

// spaced is a driver that remembers its namespace for the harness.
type spaced struct {
	*redisstore.Driver
	namespace string
}

func (d spaced) redisKey(key string) string { return d.namespace + "checkpoint:" + key }

func (d spaced) fenceKey(key string) string {
	return d.namespace + "checkpoint-fence:{" + d.redisKey(key) + "}"
}

// damage overwrites a field that is there.
func damage(
	connect func(testing.TB) redis.UniversalClient, place func(d spaced, key string) string, field string,
) func(testing.TB, driver.Driver, string) {
	return func(tb testing.TB, d driver.Driver, key string) {
		tb.Helper()
		at := place(d.(spaced), key)
		if added, err := connect(tb).HSet(tb.Context(), at, field, "012").Result(); err != nil || added != 0 {
			tb.Fatalf("field %s of %s: %d added, %v", field, at, added, err)
		}
	}
}

func harness(nodes []*redistest.Server, connect func(testing.TB) redis.UniversalClient) storetest.Harness {
	return harnessWith(redisstore.Options{}, nodes, connect)
}

func harnessWith(opts redisstore.Options, nodes []*redistest.Server, connect func(testing.TB) redis.UniversalClient) storetest.Harness {
	open := func(tb testing.TB, namespace string) driver.Driver {
		tb.Helper()
		opts := opts
		opts.Namespace = namespace
		d := must(redisstore.New(connect(tb), &opts))
		tb.Cleanup(func() { d.Close() })
		return spaced{d, namespace}
	}
	var others sync.Once
	return storetest.Harness{
		Open: func(tb testing.TB) driver.Driver {
			tb.Helper()
			client := connect(tb)
			others.Do(func() { // a store is never alone on its server
				if err := whole(tb, client); err != nil {
					tb.Fatal(err)
				}
			})
			namespace := fmt.Sprintf("test%d:", namespaces.Add(1))
			tb.Cleanup(func() { sweep(tb, client, namespace) })
			return open(tb, namespace)
		},
		Reopen: func(tb testing.TB, d driver.Driver) driver.Driver {
			tb.Helper()
			return open(tb, d.(spaced).namespace)
		},
		Damage:      damage(connect, spaced.redisKey, "commit"),
		DamageFence: damage(connect, spaced.fenceKey, "epoch"),
		DamageLease: damage(connect, spaced.fenceKey, "until"),
		Outage: func(tb testing.TB, _ driver.Driver) func() {
			tb.Helper()
			for _, n := range nodes {
				n.Kill()
			}
			return func() {
				tb.Helper()
				for _, n := range nodes {
					n.Restart()
				}
				if opts.MinReplicas > 0 {
					for _, replica := range nodes[len(nodes)/2:] {
						replica.AwaitLink()
					}
				}
				client := connect(tb)
				// A cluster takes a moment to see that it is whole again.
				for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
					err := whole(tb, client)
					if err == nil {
						return
					}
					if time.Now().After(deadline) {
						tb.Fatalf("the servers are up again, but: %v", err)
					}
				}
			}
		},
	}
}

// whole writes keys of another namespace all over the slots, and so shows that
// each server can be written.
func whole(tb testing.TB, client redis.UniversalClient) error {
	tb.Helper()
	for i := range 32 {
		if err := client.HSet(tb.Context(), fmt.Sprintf("test:checkpoint:other%d", i), "commit", "0").Err(); err != nil {
			return err
		}
	}
	return nil
}

// sweep removes what a case has left, which every later scan would walk over.
func sweep(tb testing.TB, client redis.UniversalClient, namespace string) {
	tb.Helper()
	ctx := context.Background() // that of the test has ended
	server := func(ctx context.Context, node *redis.Client) error {
		keys := node.Scan(ctx, 0, namespace+"*", 10_000).Iterator()
		pipe := node.Pipeline()
		for keys.Next(ctx) {
			pipe.Unlink(ctx, keys.Val())
		}
		_, err := pipe.Exec(ctx)
		return errors.Join(keys.Err(), err)
	}
	var err error
	switch c := client.(type) {
	case *redis.ClusterClient:
		err = c.ForEachMaster(ctx, server)
	case *redis.Client:
		err = server(ctx, c)
	}
	if err != nil {
		tb.Errorf("what the case has left cannot be removed: %v", err)
	}
}
