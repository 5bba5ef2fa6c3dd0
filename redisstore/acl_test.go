package redisstore_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/checkpointstore/checkpoint"
	"github.com/checkpointstore/checkpoint/internal/redistest"
	"github.com/checkpointstore/checkpoint/redisstore"
)

// aclCluster runs useEverything on a cluster as the user of a rule.
type aclCluster struct {
	nodes []*redistest.Server
	admin *redis.ClusterClient
}

func (c *aclCluster) use(t *testing.T, rule []string) error {
	t.Helper()
	for _, n := range c.nodes {
		n.Do("FLUSHALL")
		n.Do("ACL", "DELUSER", rule[0])
		n.Do(slices.Concat([]string{"ACL", "SETUSER"}, rule)...)
	}
	must(c.admin.Set(t.Context(), "prod:checkpoint:older", "1@1", 0).Result())
	must(c.admin.LPush(t.Context(), "prod:checkpoint:list", "a").Result())
	var addrs []string
	for _, n := range c.nodes {
		n.Do("SCRIPT", "FLUSH") // so that EVAL is needed again
		n.Do("ACL", "LOG", "RESET")
		addrs = append(addrs, n.Addr())
	}
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: addrs, Username: rule[0], Password: "secret", MaxRetries: -1})
	defer client.Close()
	store, log := logged(t, client, false)
	err := errors.Join(useEverything(t, store), c.useMovingSlot(t, store), c.useOneNode(t, rule[0]), useWait(t, client))
	if log.Len() > 0 {
		err = errors.Join(err, errors.New(log.String()))
	}
	for _, n := range c.nodes {
		for _, refused := range n.Do("ACL", "LOG").([]any) {
			// go-redis does without it, and Redis 7.0 knows no rule that allows it.
			if what := fmt.Sprint(refused); !strings.Contains(what, "client|setinfo") {
				err = errors.Join(err, errors.New("refused: "+what))
			}
		}
	}
	return err
}

// useMovingSlot reads and writes a key while its slot is on its way.
func (c *aclCluster) useMovingSlot(t *testing.T, store *checkpoint.Store) error {
	t.Helper()
	slot, from, to := place(t, c.nodes, "prod:checkpoint:moving")
	defer startMoving(slot, from, to)()
	_, err := store.SetIfNewer(t.Context(), "moving", at(1, 1))
	return err
}

// useWait waits for replicas, which the cluster has not.
func useWait(t *testing.T, client redis.UniversalClient) error {
	t.Helper()
	d := must(redisstore.New(client, &redisstore.Options{Namespace: "prod:", MinReplicas: 1, ReplicaTimeout: time.Millisecond}))
	err := checkpoint.New(d, nil).Set(t.Context(), "waits", at(1, 1))
	if err == nil || !strings.Contains(err.Error(), "only 0 of 1 replicas") {
		return fmt.Errorf("Set that waits for a replica: %w", err)
	}
	return nil
}

// useOneNode looks for what is not there, as on a server that is no cluster.
func (c *aclCluster) useOneNode(t *testing.T, user string) error {
	t.Helper()
	_, owner, _ := place(t, c.nodes, "prod:checkpoint:nothing")
	d, err := redisstore.Open(t.Context(), "redis://"+user+":secret@"+owner.Addr()+"?namespace=prod:", nil)
	if err != nil {
		return err
	}
	store := checkpoint.New(d, nil)
	defer store.Close()
	_, err = store.Exists(t.Context(), "nothing")
	return err
}

func TestClusterUnderTheDocumentedACLWhichIsMinimal(t *testing.T) {
	nodes := redistest.StartCluster(t, 3, 0)
	c := &aclCluster{nodes, cluster(t, nodes)}
	rule := strings.Fields(strings.ReplaceAll(documentedACL(t), "test*:", "prod:"))
	if err := c.use(t, rule); err != nil {
		t.Fatalf("as the documented user: %v", err)
	}
	for i, word := range rule {
		if word == "+select" || !strings.ContainsAny(word[:1], "+~&") {
			continue
		}
		if err := c.use(t, slices.Delete(slices.Clone(rule), i, i+1)); err == nil {
			t.Errorf("nothing needs %s", word)
		}
	}
}

// TestTheDocumentedACLWithoutSamples: an operator can still lock an owner out.
func TestTheDocumentedACLWithoutSamples(t *testing.T) {
	rule := strings.ReplaceAll(documentedACL(t), "test*:", "prod:")
	server := redistest.Start(t, "user "+strings.ReplaceAll(rule, "~prod:checkpoint-samples:* ", ""))
	ctx, s := t.Context(), inNamespace(t, as(t, server, "checkpoint"), "prod:")
	if _, err := s.Acquire(ctx, "orders", "a", time.Hour); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Revoke(ctx, "orders"); err != nil {
		t.Errorf("Revoke: %v", err)
	}
	if _, err := s.Fence(ctx, "orders", 9); err != nil {
		t.Errorf("Fence: %v", err)
	}
	if _, err := s.ReleaseFences(ctx, "*", time.Hour); err == nil || !strings.Contains(err.Error(), "NOPERM") {
		t.Errorf("ReleaseFences: %v, want NOPERM", err)
	}
}

// TestTheDocumentedACLOnAnotherDatabase is TestConformanceUnderACL in short.
func TestTheDocumentedACLOnAnotherDatabase(t *testing.T) {
	rule := strings.ReplaceAll(documentedACL(t), "test*:", "prod:")
	for name, line := range map[string]string{"": rule, "without +select": strings.ReplaceAll(rule, "+select ", "")} {
		server := redistest.Start(t, "user "+line)
		client := redis.NewClient(&redis.Options{Addr: server.Addr(), Username: "checkpoint", Password: "secret", DB: 5})
		t.Cleanup(func() { client.Close() })
		s := inNamespace(t, client, "prod:")
		err := errors.Join(s.Set(t.Context(), "orders", at(1, 1)), second(checkpoint.Collect(s.GetAll(t.Context(), "*"))))
		if (err != nil) != (name != "") {
			t.Errorf("on database 5 %s: %v", name, err)
		}
	}
}
